/** Looks for secrets in bytes that come in pieces; a value that lies across two pieces is found as well. */

import { Transform } from 'node:stream';
import type { SecretPattern } from './patterns.ts';

/** A search over a sequence of pieces. */
export class SecretSearch {
  readonly #patterns: readonly SecretPattern[];
  readonly #overlap: number;
  #tail: Buffer = Buffer.alloc(0);

  constructor(patterns: readonly SecretPattern[]) {
    this.#patterns = patterns;
    this.#overlap = Math.max(1, ...patterns.map(({ bytes }) => bytes.length)) - 1;
  }

  /** Returns the id of a secret that ends in this piece, if one does. */
  find(chunk: Uint8Array): string | undefined {
    const piece = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const seam = Buffer.concat([this.#tail, piece.subarray(0, this.#overlap)]);
    this.#tail = Buffer.from(
      piece.length >= this.#overlap
        ? piece.subarray(piece.length - this.#overlap)
        : seam.subarray(Math.max(0, seam.length - this.#overlap)),
    );
    return this.#patterns.find(({ bytes }) => seam.includes(bytes) || piece.includes(bytes))?.id;
  }
}

/** Passes bytes on until a secret shows among them, and fails then with what `failure` makes of its id. */
export function refuseSecrets(
  patterns: readonly SecretPattern[],
  failure: (id: string) => Error,
): Transform {
  const search = new SecretSearch(patterns);
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      const id = search.find(chunk);
      if (id === undefined) done(null, chunk);
      else done(failure(id));
    },
  });
}
