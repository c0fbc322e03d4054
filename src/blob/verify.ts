/**
 * Verified reading: a stream that ends normally only if it was exactly the content of its descriptor.
 *
 * The size is judged before the digest, and nothing past the announced size is ever passed on
 * (OCI image-spec, descriptor.md; GHSA-f36w-mj3v-6jqv).
 */

import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { BuildError } from '../errors/index.ts';
import { algorithmOf, type Descriptor, type Digest, finishDigest } from '../model/index.ts';

/** What is known about a content before it is read. */
export type Expected = Pick<Descriptor, 'digest' | 'size'>;

/**
 * Returns a stream of the same bytes that fails before its end unless they are what the descriptor says.
 * Takes over `body`: reading, errors and destruction.
 *
 * @param what names the content in messages; the digest by default
 * @throws (as stream errors) BuildError `SIZE_MISMATCH`, `DIGEST_MISMATCH` and whatever `body` fails with
 */
export function verifyStream(
  body: Readable,
  expected: Expected,
  what: string = expected.digest,
): Readable {
  return new VerifiedReadable(body, expected, what);
}

/**
 * Gives back the unread body under a stream made by {@link verifyStream}, for a consumer that verifies
 * against the same digest and size itself, so that no byte is hashed twice. The outer stream is spent.
 *
 * @returns undefined when the stream is another one, reading has begun, or the expectation differs
 */
export function takeUnverified(stream: Readable, expected: Expected): Readable | undefined {
  return stream instanceof VerifiedReadable ? stream.release(expected) : undefined;
}

/** The failure of a content that is longer or shorter than announced. */
export function sizeMismatch(what: string, expected: number, actual: number): BuildError {
  const relation = actual > expected ? 'goes on after' : `ends after ${actual} of`;
  return new BuildError('SIZE_MISMATCH', `${what}: the content ${relation} ${expected} bytes`, {
    details: { expectedSize: expected },
  });
}

/** The failure of a content that hashes to something else. */
export function digestMismatch(what: string, expected: Digest, actual: Digest): BuildError {
  return new BuildError(
    'DIGEST_MISMATCH',
    `${what}: the content hashes to ${actual}, not to ${expected}`,
    { details: { expectedDigest: expected, actualDigest: actual } },
  );
}

class VerifiedReadable extends Readable {
  #body: Readable | undefined;
  #started = false;
  #count = 0;
  readonly #hash: Hash;
  readonly #expected: Expected;
  readonly #what: string;

  constructor(body: Readable, expected: Expected, what: string) {
    super();
    this.#body = body;
    this.#expected = expected;
    this.#what = what;
    this.#hash = createHash(algorithmOf(expected.digest));
    body.on('error', this.#onError);
  }

  release(expected: Expected): Readable | undefined {
    const body = this.#body;
    if (this.#started || body === undefined || this.destroyed) return undefined;
    if (expected.digest !== this.#expected.digest || expected.size !== this.#expected.size) {
      return undefined;
    }
    body.off('error', this.#onError);
    this.#body = undefined;
    this.destroy();
    return body;
  }

  override _read(): void {
    if (this.#started) {
      this.#body?.resume();
      return;
    }
    this.#started = true;
    if (this.#body?.destroyed === true) {
      this.destroy(this.#body.errored ?? sizeMismatch(this.#what, this.#expected.size, 0));
      return;
    }
    this.#body?.on('end', this.#onEnd).on('close', this.#onEnd).on('data', this.#onData);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#body?.off('data', this.#onData).destroy();
    done(error);
  }

  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };

  readonly #onData = (chunk: Uint8Array): void => {
    this.#count += chunk.length;
    if (this.#count > this.#expected.size) {
      this.destroy(sizeMismatch(this.#what, this.#expected.size, this.#count));
      return;
    }
    this.#hash.update(chunk);
    if (!this.push(chunk)) this.#body?.pause();
  };

  readonly #onEnd = (): void => {
    if (this.destroyed || this.readableEnded || this.#body === undefined) return;
    if (this.#count < this.#expected.size) {
      this.destroy(sizeMismatch(this.#what, this.#expected.size, this.#count));
      return;
    }
    this.#body.off('end', this.#onEnd).off('close', this.#onEnd);
    const actual = finishDigest(this.#hash, algorithmOf(this.#expected.digest));
    if (actual === this.#expected.digest) this.push(null);
    else this.destroy(digestMismatch(this.#what, this.#expected.digest, actual));
  };
}
