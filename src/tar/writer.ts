/**
 * Writes an archive to a stream: canonical headers, contents, padding, end. Waits wherever the stream asks for it.
 */

import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { BuildError } from '../errors/index.ts';
import { encodeEntry, endOfArchive, paddingOf } from './encode.ts';
import { quoteName } from './fault.ts';
import type { TarEntry } from './types.ts';

/** The content of a file: all at once, or a stream (of which the writer becomes the owner). */
export type TarBody = Uint8Array | AsyncIterable<Uint8Array>;

/** Writes entries one after the other; calls must not overlap. */
export class TarWriter {
  readonly #destination: Writable;
  #failure: Error | undefined;

  /** The writer ends the destination; destroying it after a failure is left to its owner. */
  constructor(destination: Writable) {
    this.#destination = destination;
    destination.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /**
   * Writes an entry and its content. The bytes of the body must be as many as the entry says.
   *
   * @throws BuildError `SIZE_MISMATCH` when they are not, the errors of {@link encodeEntry}, of body and destination
   */
  async entry(entry: TarEntry, body: TarBody = new Uint8Array(0)): Promise<void> {
    try {
      await this.#write(encodeEntry(entry));
      await this.#content(entry, body);
    } catch (thrown) {
      if (body instanceof Readable) body.destroy();
      throw thrown;
    }
    await this.#write(paddingOf(entry.size));
  }

  async #content(entry: TarEntry, body: TarBody): Promise<void> {
    let written = 0;
    for await (const chunk of body instanceof Uint8Array ? [body] : body) {
      written += chunk.length;
      if (written > entry.size) break;
      await this.#write(chunk);
    }
    if (written !== entry.size) throw sizeMismatch(entry, written);
  }

  /** Writes the end of the archive, ends the destination and waits until it has taken everything. */
  async finish(): Promise<void> {
    await this.#write(endOfArchive);
    this.#destination.end();
    await finished(this.#destination, { readable: false });
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (bytes.length === 0 || this.#destination.write(bytes)) return;
    await drained(this.#destination);
  }
}

function sizeMismatch(entry: TarEntry, written: number): BuildError {
  const amount = written > entry.size ? 'more' : 'less';
  return new BuildError(
    'SIZE_MISMATCH',
    `writing ${quoteName(entry.path)} to an archive failed: content is ${amount} than ${entry.size} bytes`,
    {
      suggestion: 'the file changed while it was read: make sure that nothing writes to it',
    },
  );
}

/** Waits until the destination takes more; fails when it fails or closes instead. */
function drained(destination: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null) => {
      destination.off('drain', settle).off('error', settle).off('close', onClose);
      if (error) reject(error);
      else resolve();
    };
    const onClose = () => settle(destination.errored ?? new Error('stream closed before its end'));
    destination.on('drain', settle).on('error', settle).on('close', onClose);
    if (destination.destroyed) onClose();
  });
}
