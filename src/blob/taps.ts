/**
 * Taps: streams that pass bytes on unchanged and learn something from them on the way.
 */

import { createHash, type Hash } from 'node:crypto';
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import { type Digest, type DigestAlgorithm, finishDigest } from '../model/index.ts';
import { endChunk } from './spent.ts';

/**
 * Returns a stream of the same bytes that reports how many have passed so far.
 * Takes over `body`; its errors come out of the returned stream.
 */
export function countBytes(body: Readable, onBytes: (total: number) => void): Readable {
  let total = 0;
  const tap = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      total += chunk.length;
      onBytes(total);
      done(null, chunk);
    },
  });
  // Errors of either side end up on the tap itself, where the consumer sees them.
  pipeline(body, tap, () => {});
  return tap;
}

/** Destroys the stream with the signal's reason when the signal aborts; returns the same stream. */
export function abortable<T extends Readable>(body: T, signal: AbortSignal | undefined): T {
  if (signal === undefined) return body;
  const abort = () => body.destroy(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  body.once('close', () => signal.removeEventListener('abort', abort));
  if (signal.aborted) abort();
  return body;
}

/** Passes bytes on and hashes them; `result()` may be called once, after the stream has ended. */
export class DigestTap extends Transform {
  #size = 0;
  readonly #hash: Hash;
  readonly #algorithm: DigestAlgorithm;

  constructor(algorithm: DigestAlgorithm = 'sha256') {
    super();
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  override _transform(chunk: Uint8Array, _encoding: string, done: TransformCallback): void {
    this.#size += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }

  /** Digest and length of what has passed. */
  result(): { readonly digest: Digest; readonly size: number } {
    return { digest: finishDigest(this.#hash, this.#algorithm), size: this.#size };
  }
}

/** Reads a stream to its end and returns its digest and length. */
export async function digestStream(
  body: Readable,
  algorithm: DigestAlgorithm = 'sha256',
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const hash = createHash(algorithm);
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    size += chunk.length;
    endChunk(chunk);
  }
  return { digest: finishDigest(hash, algorithm), size };
}
