/** One ustar header block, written field by field (POSIX.1-2017 pax, "ustar Interchange Format"). */

import { blockSize } from './fields.ts';

/** The values of a header; each must fit its field (see {@link fitsOctal}, {@link splitPath}, {@link fitsText}). */
export interface UstarFields {
  readonly prefix: string;
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly flag: string;
  readonly linkName: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

const nameLength = 100;
const prefixLength = 155;
const ascii = /^[\x01-\x7f]*$/;

/** Tells whether a number can stand in an octal field of so many bytes, the last being NUL. */
export function fitsOctal(value: number, fieldLength: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 8 ** (fieldLength - 1);
}

/** Tells whether a text can stand in the name or link name field. ustar is ASCII; other bytes need a pax record. */
export function fitsText(text: string): boolean {
  return text.length <= nameLength && ascii.test(text);
}

/** Splits a path into prefix and name at the last possible slash; undefined when ustar cannot say it. */
export function splitPath(path: string): { prefix: string; name: string } | undefined {
  if (fitsText(path)) return { prefix: '', name: path };
  if (!ascii.test(path)) return undefined;
  const withoutLastSlash = path.length - 2;
  const slash = path.lastIndexOf('/', Math.min(prefixLength, withoutLastSlash));
  if (slash < 1 || path.length - slash - 1 > nameLength) return undefined;
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

/** Returns what to put into a text field whose true value is in a pax record: readable, ASCII, never like a directory. */
export function placeholder(text: string): string {
  return text
    .slice(0, nameLength)
    .replace(/[^\x01-\x7f]/g, '_')
    .replace(/\/+$/, '');
}

/** Writes the header block. */
export function ustarHeader(fields: UstarFields): Buffer {
  const block = Buffer.alloc(blockSize);
  block.write(fields.name, 0, 'latin1');
  writeOctal(block, fields.mode, 100, 8);
  writeOctal(block, fields.uid, 108, 8);
  writeOctal(block, fields.gid, 116, 8);
  writeOctal(block, fields.size, 124, 12);
  writeOctal(block, fields.mtime, 136, 12);
  block.write(fields.flag, 156, 'latin1');
  block.write(fields.linkName, 157, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  writeOctal(block, fields.deviceMajor, 329, 8);
  writeOctal(block, fields.deviceMinor, 337, 8);
  block.write(fields.prefix, 345, 'latin1');
  writeOctal(block, checksum(block), 148, 7);
  block.write(' ', 155, 'latin1');
  return block;
}

/** Digits from the last but one byte of the field backwards; the last byte stays NUL. */
function writeOctal(block: Buffer, value: number, start: number, length: number): void {
  let rest = value;
  for (let at = start + length - 2; at >= start; at--) {
    block[at] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** The sum of all bytes, the checksum field (still zero here) counted as eight blanks. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let at = 0; at < blockSize; at++) sum += block[at] ?? 0;
  return sum;
}
