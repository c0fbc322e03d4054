/**
 * The fields of a header block: NUL-terminated text, octal numbers, and GNU's base-256 numbers.
 * What is accepted is what Go's archive/tar accepts.
 */

import type { ByteString } from '../model/index.ts';
import { invalid } from './fault.ts';

/** The size of everything in an archive is rounded up to this. */
export const blockSize = 512;

/** Returns how many bytes bring a length up to a whole number of blocks. */
export function paddingLength(length: number): number {
  const rest = length % blockSize;
  return rest === 0 ? 0 : blockSize - rest;
}

const nul = 0x00;
const space = 0x20;

/** Reads text up to its first NUL or the end of the field. */
export function parseText(block: Buffer, start: number, length: number): ByteString {
  let end = start;
  const limit = start + length;
  while (end < limit && block[end] !== nul) end++;
  return block.toString('latin1', start, end) as ByteString;
}

/** Reads a number that must be exact as a JavaScript number; may be negative in base-256. */
export function parseNumber(block: Buffer, start: number, length: number): number {
  if (!isBase256(block, start)) return parseOctal(block, start, length);
  return exactNumber(parseBase256(block, start, length));
}

/** Reads a number of up to 63 bits and a sign. */
export function parseBigNumber(block: Buffer, start: number, length: number): bigint {
  if (!isBase256(block, start)) return BigInt(parseOctal(block, start, length));
  return parseBase256(block, start, length);
}

/** Narrows an integer to one that a JavaScript number holds exactly. */
export function exactNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalid(`number ${value} is too large`);
  return number;
}

function isBase256(block: Buffer, start: number): boolean {
  return ((block[start] ?? 0) & 0x80) !== 0;
}

/**
 * Reads an octal number: leading spaces and NULs are skipped, an empty field is 0, a NUL ends the number
 * whatever follows, a space only when nothing but spaces and NULs follows.
 */
export function parseOctal(block: Buffer, start: number, length: number): number {
  const end = start + length;
  let at = start;
  while (at < end && isBlank(block[at])) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = block[at] ?? 0;
    if (byte === nul) return value;
    if (byte === space) return requireBlank(block, at, end, value);
    if (byte < 0x30 || byte > 0x37) throw invalid('number field is not octal');
    value = value * 8 + byte - 0x30;
  }
  return value;
}

function isBlank(byte: number | undefined): boolean {
  return byte === nul || byte === space;
}

function requireBlank(block: Buffer, start: number, end: number, value: number): number {
  for (let at = start; at < end; at++)
    if (!isBlank(block[at])) throw invalid('number field has text after the number');
  return value;
}

/** Two's complement, big-endian, with the top bit of the first byte as the mark of the encoding. */
function parseBase256(block: Buffer, start: number, length: number): bigint {
  const first = block[start] ?? 0;
  const negative = (first & 0x40) !== 0;
  const flip = negative ? 0xff : 0;
  let value = BigInt((first ^ flip) & 0x7f);
  for (let at = start + 1; at < start + length; at++)
    value = (value << 8n) | BigInt((block[at] ?? 0) ^ flip);
  if (value >> 63n !== 0n) throw invalid('number field overflows 64 bits');
  return negative ? -value - 1n : value;
}
