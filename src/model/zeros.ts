/** Zeros, which files with holes, disk images and databases are full of. */

import { crc32 } from 'node:zlib';

const zeros = Buffer.alloc(2 ** 18);

/** Tells whether bytes are all zero; of others, it mostly looks at the first only. */
export function isZeros(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0) return bytes.length === 0;
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length);
    if (zeros.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}

/** Continues a CRC-32 over so many zeros. */
export function crc32OfZeros(length: number, before: number): number {
  let checksum = before;
  for (let left = length; left > 0; left -= zeros.length)
    checksum = crc32(left < zeros.length ? zeros.subarray(0, left) : zeros, checksum);
  return checksum;
}
