/**
 * Downloading a blob as a stream that is verified, survives cuts and never holds the blob in memory.
 *
 * A cut is continued from the exact offset with a Range request; a registry that ignores the range is read
 * from the beginning up to the offset. Around that sits a verified stream, whose hash simply goes on.
 */

import { Readable } from 'node:stream';
import { sizeMismatch, verifyStream } from '../../blob/index.ts';
import type { Descriptor } from '../../model/index.ts';
import { getBlob, type OpenedBlob } from '../endpoints/blobs.ts';
import { nameOf, type Place } from '../endpoints/place.ts';
import { receive } from '../host/receive.ts';
import { Attempts } from '../host/retry.ts';
import { RequestFailure } from '../http/failure.ts';

/** What is downloaded. */
export interface DownloadInput {
  readonly descriptor: Descriptor;
  /** Where a foreign layer lies. */
  readonly source?: URL;
  /** Attempts in a row, where fewer than usual are worth it. */
  readonly attempts?: number | undefined;
}

/** Opens a blob at one place; the promise settles when the registry has begun to send it. */
export async function openDownload(
  place: Place,
  input: DownloadInput,
  signal: AbortSignal,
): Promise<Readable> {
  const what = `download blob ${input.descriptor.digest} of ${nameOf(place)}`;
  const operation = { what, notFound: 'BLOB_NOT_FOUND', attempts: input.attempts } as const;
  const download = new Download(place, input, new Attempts(place.host, operation, signal), signal);
  await download.open();
  // As objects, pieces stay as they are: a stream of bytes would join those that wait into new ones.
  const body = Readable.from(download.pieces(), { objectMode: true, highWaterMark: 1 });
  return verifyStream(
    body,
    input.descriptor,
    `blob ${input.descriptor.digest} of ${nameOf(place)}`,
  );
}

class Download {
  readonly #place: Place;
  readonly #descriptor: Descriptor;
  readonly #source: URL | undefined;
  readonly #attempts: Attempts;
  readonly #signal: AbortSignal;
  /** Bytes handed on so far. */
  #offset = 0;
  #opened: OpenedBlob | undefined;

  constructor(place: Place, input: DownloadInput, attempts: Attempts, signal: AbortSignal) {
    this.#place = place;
    this.#descriptor = input.descriptor;
    this.#source = input.source;
    this.#attempts = attempts;
    this.#signal = signal;
  }

  /** Makes a connection that continues at the offset; retries as long as it is worth it. */
  async open(): Promise<void> {
    while (this.#opened === undefined) {
      try {
        const request = {
          descriptor: this.#descriptor,
          offset: this.#offset,
          source: this.#source,
        };
        this.#opened = await getBlob(this.#place, request, this.#signal);
      } catch (error) {
        await this.#attempts.failure(error);
      }
    }
  }

  /** Yields the blob's bytes once each, in order. Errors are final. */
  async *pieces(): AsyncGenerator<Buffer> {
    const { size } = this.#descriptor;
    const { counters } = this.#place.host.context;
    try {
      while (this.#offset < size) {
        await this.open();
        const source = this.#rest();
        for (;;) {
          const piece = await this.#next(source);
          if (piece === undefined) break;
          this.#offset += piece.length;
          counters.add('pulled', piece.length);
          this.#attempts.progress();
          yield piece;
        }
      }
    } finally {
      this.#opened?.answer.body.destroy();
    }
  }

  /** The next piece; undefined when the connection gave out and another one is worth a try. */
  async #next(source: AsyncGenerator<Buffer>): Promise<Buffer | undefined> {
    try {
      const { value, done } = await source.next();
      if (done !== true) return value;
      this.#opened = undefined;
      if (this.#offset === this.#descriptor.size) return undefined;
      throw new RequestFailure('broken', `the body ended after ${this.#offset} bytes`);
    } catch (error) {
      this.#opened = undefined;
      await this.#attempts.failure(error);
      return undefined;
    }
  }

  /** What the open connection has beyond the offset. */
  async *#rest(): AsyncGenerator<Buffer> {
    const { answer, start } = this.#opened as OpenedBlob;
    let skip = this.#offset - start;
    let left = this.#descriptor.size - this.#offset;
    for await (const chunk of receive(this.#place.host.context, answer, this.#signal)) {
      const piece = chunk.subarray(skip);
      skip -= chunk.length - piece.length;
      if (piece.length > left) {
        const { digest, size } = this.#descriptor;
        throw sizeMismatch(`blob ${digest} of ${nameOf(this.#place)}`, size, size + 1);
      }
      left -= piece.length;
      if (piece.length > 0) yield piece;
    }
  }
}
