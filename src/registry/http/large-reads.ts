/**
 * Reading from a socket in large pieces, into memory that is used again. Node reads at most 64 KB at a time, each into
 * new memory; a pull from a near registry takes a fifth less processor time without that.
 */

import type { OnReadOpts, Socket } from 'node:net';
import { lendChunk, lentSize } from '../../blob/index.ts';

/** A piece smaller than this is copied out, so that it does not hold on to the whole memory. */
const ownSize = lentSize / 2;

/**
 * Returns the socket option by which reads go into large memory.
 *
 * @param socketOf the socket that the option is given to
 */
export function largeReads(socketOf: () => Socket): OnReadOpts {
  let memory: Buffer | undefined;
  return {
    buffer: () => {
      memory ??= lendChunk();
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
