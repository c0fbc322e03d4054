/** What an archive has that programs are known to read in their own ways. */

import { isUtf8 } from 'node:buffer';
import { headersOf } from '../../spec-fixtures/tar/damage.ts';

/** Gets the headers, each with the block after it, and the whole archive. */
type TraitTest = (headers: readonly Buffer[], bytes: Buffer) => boolean;

const flagOf = (header: Buffer) => String.fromCharCode(header[156] ?? 0);
const textOf = (header: Buffer, start: number, end: number) =>
  header.toString('latin1', start, end);
const nameOf = (header: Buffer) => textOf(header, 0, 100).replace(/\0.*/s, '');
const isMeta = (header: Buffer | undefined) =>
  header !== undefined && 'xgLK'.includes(flagOf(header));
const someHeader =
  (test: (header: Buffer) => boolean): TraitTest =>
  (headers) =>
    headers.some(test);
const someRecord =
  (pattern: RegExp): TraitTest =>
  (_headers, bytes) =>
    pattern.test(bytes.toString('latin1'));

const tests = {
  'a global header': someHeader((header) => flagOf(header) === 'g'),
  'several extensions of one entry': (headers) =>
    headers.some((header, index) => isMeta(header) && isMeta(headers[index + 1])),
  'an extension without an entry': (headers) => isMeta(headers.at(-1)),
  'an extension of size 0': someHeader(
    (header) => isMeta(header) && !/[1-7]/.test(textOf(header, 124, 136)),
  ),
  'no entries': (headers) => headers.every(isMeta),
  'bytes after the end': (_headers, bytes) =>
    bytes.subarray(endOf(bytes)).some((byte) => byte !== 0),
  'a name of slashes only': someHeader((header) => /^\/+$/.test(nameOf(header))),
  'a name with a final slash that is no directory': (headers, bytes) =>
    headers.some((header) => flagOf(header) !== '5' && nameOf(header).endsWith('/')) ||
    / path=[^\n]*\/\n/.test(bytes.toString('latin1')),
  'a size where there is no content': someHeader(
    (header) => '123456'.includes(flagOf(header)) && /[^0 \0]/.test(textOf(header, 124, 136)),
  ),
  'an odd GNU long name': someHeader(hasOddLongName),
  'a GNU directory listing': someHeader((header) => flagOf(header) === 'D'),
  'an unknown entry type': someHeader((header) => !'\x00012345678xgLKSD'.includes(flagOf(header))),
  'ustar fields in another format': someHeader(hasForeignFields),
  'a sparse file': (headers, bytes) =>
    headers.some((header) => flagOf(header) === 'S') || bytes.includes('GNU.sparse'),
  'an empty pax record': someRecord(/(?:\n|\0)\d+ [^=\n]+=\n/),
  'a pax size': someRecord(/ size=/),
  'a pax number': someRecord(/ (?:size|uid|gid|mtime)=/),
  'a time before the epoch': someRecord(/ mtime=-/),
  'an odd number': someHeader(hasOddNumber),
  'a base-256 number': someHeader((header) =>
    [100, 108, 116, 124, 136].some((start) => (header[start] ?? 0) >= 0x80),
  ),
  'a name that is not UTF-8': someHeader((header) =>
    [
      [0, 100],
      [157, 257],
      [345, 500],
    ].some(([start, end]) => !isUtf8(header.subarray(start, end))),
  ),
} satisfies Record<string, TraitTest>;

/** Something about an archive that programs are known to read in their own ways. */
export type Trait = keyof typeof tests;

/** Finds the traits of an archive. */
export function traitsOf(bytes: Buffer): Set<Trait> {
  const end = endOf(bytes);
  const headers = headersOf(bytes)
    .filter((at) => at < end)
    .map((at) => bytes.subarray(at, at + 1024));
  const all = Object.keys(tests) as Trait[];
  return new Set(all.filter((trait) => tests[trait](headers, bytes)));
}

/** Finds the first two zero blocks. */
function endOf(bytes: Buffer): number {
  for (let at = 0; at < bytes.length; at += 512)
    if (bytes.subarray(at, at + 1024).every((byte) => byte === 0)) return at;
  return bytes.length;
}

/** What stands where ustar has prefix and device numbers, in a header that is not ustar. */
function hasForeignFields(header: Buffer): boolean {
  const magic = textOf(header, 257, 265);
  if (magic === 'ustar\x0000') return header[508] !== 0;
  return header[345] !== 0 || (magic !== 'ustar  \0' && header[329] !== 0);
}

/** A GNU long name that is empty, or whose size is not that of the name and a NUL. */
function hasOddLongName(header: Buffer): boolean {
  if (!'LK'.includes(flagOf(header))) return false;
  const name = textOf(header, 512, 1024).replace(/\0.*/s, '');
  return name === '' || name.length + 1 !== Number.parseInt(textOf(header, 124, 136), 8);
}

/** Whether a number is neither octal with its usual end nor base-256 as GNU tar writes it. */
function hasOddNumber(header: Buffer): boolean {
  const fields = [100, 108, 116].map((start) => textOf(header, start, start + 8));
  const longFields = [124, 136].map((start) => textOf(header, start, start + 12));
  return [...fields, ...longFields].some(
    (field) => !/^[0-7]+[ \0]+$/.test(field) && !/^[\x80\xff]/.test(field),
  );
}
