/**
 * Extended headers (POSIX.1-2017 pax): records of the form "LENGTH KEY=VALUE\n". Values are bytes: names and
 * extended attributes need not be UTF-8, so keys and values are kept as byte strings.
 */

import type { ByteString } from '../model/index.ts';
import { parseDecimal } from './decimal.ts';
import { invalid, overLimit } from './fault.ts';

/** The records of one extended header by key; the last of equal keys counts. */
export type PaxRecords = ReadonlyMap<string, ByteString>;

const newline = 0x0a;
const space = 0x20;
const longestLength = 20;

/** Parses a whole extended header; throws a fault at the first malformed record. */
export function parsePax(bytes: Buffer, maximumRecords: number): PaxRecords {
  const records = new Map<string, ByteString>();
  const sparse: string[] = [];
  let count = 0;
  for (let at = 0; at < bytes.length; ) {
    if (++count > maximumRecords)
      throw overLimit('extended header has too many records', maximumRecords);
    const end = recordEnd(bytes, at);
    const { key, value } = parseRecord(bytes, at, end);
    if (isSparsePart(key)) sparse.push(sparsePart(key, value, sparse.length));
    else records.set(key, value);
    at = end;
  }
  if (sparse.length > 0) records.set('GNU.sparse.map', sparse.join(',') as ByteString);
  return records;
}

function recordEnd(bytes: Buffer, start: number): number {
  let blank = start;
  while (bytes[blank] !== space) {
    if (blank - start >= longestLength || blank >= bytes.length)
      throw invalid('extended header record has no length');
    blank++;
  }
  const length = parseDecimal(bytes.toString('latin1', start, blank));
  const end = start + length;
  if (length < 5 || end > bytes.length || end <= blank + 1 || bytes[end - 1] !== newline)
    throw invalid('extended header record has a wrong length');
  return end;
}

function parseRecord(
  bytes: Buffer,
  start: number,
  end: number,
): { key: string; value: ByteString } {
  const from = bytes.indexOf(space, start) + 1;
  const record = bytes.subarray(from, end - 1);
  const equals = record.indexOf(0x3d);
  if (equals < 1) throw invalid('extended header record has no key');
  const key = record.toString('latin1', 0, equals);
  const value = record.toString('latin1', equals + 1) as ByteString;
  if (key.includes('\0') || (isText(key) && value.includes('\0')))
    throw invalid(`extended header record has a NUL byte`);
  return { key, value };
}

function isText(key: string): boolean {
  switch (key) {
    case 'path':
    case 'linkpath':
    case 'uname':
    case 'gname':
    case 'GNU.sparse.name':
      return true;
    default:
      return false;
  }
}

/** GNU sparse format 0.0 repeats two keys, one pair for each region; the order carries the meaning. */
function isSparsePart(key: string): boolean {
  return key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes';
}

function sparsePart(key: string, value: string, position: number): string {
  const expected = position % 2 === 0 ? 'GNU.sparse.offset' : 'GNU.sparse.numbytes';
  if (key !== expected || value.includes(',')) throw invalid('sparse map records are out of order');
  return value;
}
