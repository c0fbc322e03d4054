/** Recognising zeros, which files with holes, disk images and databases are full of. */

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
