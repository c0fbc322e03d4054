/**
 * Reading from a socket in large pieces. Node reads at most 64 KB at a time, each into new memory; with a megabyte a
 * pull from a near registry takes a tenth less processor time, and there are few pieces to hand on.
 */

import type { OnReadOpts, Socket } from 'node:net';

/** Bytes that one read can take. */
const readSize = 256 * 1024;

/** A piece smaller than this is copied out, so that it does not hold on to the whole memory. */
const ownSize = readSize / 2;

/**
 * Returns the socket option by which reads go into large memory.
 *
 * @param socketOf the socket that the option is given to
 */
export function largeReads(socketOf: () => Socket): OnReadOpts {
  let memory: Buffer | undefined;
  return {
    buffer: () => {
      memory ??= Buffer.allocUnsafeSlow(readSize);
      return memory;
    },
    callback: (length, bytes) => {
      const piece = bytes.subarray(0, length);
      if (length >= ownSize) memory = undefined;
      return socketOf().push(length >= ownSize ? piece : ownCopy(piece));
    },
  };
}

/** A copy that shares its memory with nothing, which small copies usually do. */
function ownCopy(piece: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(piece.length);
  copy.set(piece);
  return copy;
}
