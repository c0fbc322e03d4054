/**
 * One header block as it stands, before extensions are applied.
 *
 * Layouts: V7, POSIX ustar, star (ustar with a shorter prefix and times), old GNU (times and a sparse map
 * in place of the prefix). Which one is told by magic values, as in Go's archive/tar.
 */

import type { ByteString } from '../model/index.ts';
import { invalid } from './fault.ts';
import { blockSize, parseBigNumber, parseNumber, parseOctal, parseText } from './fields.ts';

/** The layouts that a header block can have. */
export type HeaderFormat = 'v7' | 'ustar' | 'star' | 'gnu';

/** The fields of a header block; numbers are as found, not yet checked for sense. */
export interface Header {
  readonly format: HeaderFormat;
  /** The type flag as a character. */
  readonly flag: string;
  readonly path: ByteString;
  readonly linkName: ByteString;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly seconds: bigint;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/** Tells whether a block holds nothing but zeros, as the end of an archive does. */
export function isZeroBlock(block: Buffer, start: number): boolean {
  for (let at = start; at < start + blockSize; at++) if (block[at] !== 0) return false;
  return true;
}

/** Parses the header block at `start`; throws a fault unless its checksum and all its numbers are right. */
export function parseHeader(block: Buffer, start: number): Header {
  verifyChecksum(block, start);
  const format = formatOf(block, start);
  const modern = format !== 'v7';
  const name = parseText(block, start, 100);
  const prefix = modern ? prefixOf(block, start, format) : '';
  return {
    format,
    flag: String.fromCharCode(block[start + 156] ?? 0),
    path: (prefix === '' ? name : `${prefix}/${name}`) as ByteString,
    linkName: parseText(block, start + 157, 100),
    size: parseNumber(block, start + 124, 12),
    mode: parseNumber(block, start + 100, 8),
    uid: parseNumber(block, start + 108, 8),
    gid: parseNumber(block, start + 116, 8),
    seconds: parseBigNumber(block, start + 136, 12),
    deviceMajor: modern ? parseNumber(block, start + 329, 8) : 0,
    deviceMinor: modern ? parseNumber(block, start + 337, 8) : 0,
  };
}

/** The sum of all bytes with the checksum field as blanks; some old programs summed signed bytes. */
function verifyChecksum(block: Buffer, start: number): void {
  const field = start + 148;
  const stated = parseOctal(block, field, 8);
  const sum = 8 * 0x20 + sumOf(block, start, field) + sumOf(block, field + 8, start + blockSize);
  if (stated !== sum && stated !== sum - 256 * countHigh(block, start))
    throw invalid('header checksum is wrong');
}

function sumOf(block: Buffer, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at++) sum += block[at] ?? 0;
  return sum;
}

/** Counts the bytes outside of the checksum field that are negative when taken as signed. */
function countHigh(block: Buffer, start: number): number {
  let count = 0;
  for (let at = 0; at < blockSize; at++)
    if ((at < 148 || at >= 156) && (block[start + at] ?? 0) > 0x7f) count++;
  return count;
}

function formatOf(block: Buffer, start: number): HeaderFormat {
  const magic = block.toString('latin1', start + 257, start + 265);
  if (magic === 'ustar  \0') return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  const trailer = block.toString('latin1', start + 508, start + 512);
  return trailer === 'tar\0' ? 'star' : 'ustar';
}

function prefixOf(block: Buffer, start: number, format: HeaderFormat): ByteString {
  if (format === 'ustar') return parseText(block, start + 345, 155);
  if (format === 'star') {
    parseBigNumber(block, start + 476, 12);
    parseBigNumber(block, start + 488, 12);
    return parseText(block, start + 345, 131);
  }
  return gnuPrefixOf(block, start);
}

/**
 * Old GNU headers have times where ustar has its prefix. Go before 1.8 wrote a prefix there all the same;
 * like Go's reader, take it for one when it cannot be times and is ASCII.
 */
function gnuPrefixOf(block: Buffer, start: number): ByteString {
  const none = '' as ByteString;
  if (isTime(block, start + 345) && isTime(block, start + 357)) return none;
  const prefix = parseText(block, start + 345, 155);
  return /^[\x01-\x7f]*$/.test(prefix) ? prefix : none;
}

function isTime(block: Buffer, start: number): boolean {
  if (block[start] === 0) return true;
  try {
    parseBigNumber(block, start, 12);
    return true;
  } catch {
    return false;
  }
}
