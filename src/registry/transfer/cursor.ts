/**
 * Reads a blob that can be opened again and again piece by piece, so that pieces can be uploaded one
 * after the other and repeated, without holding more than a chunk. The last bytes are handed on only when
 * the source has ended well: one that verifies itself must have its say before the registry has them all.
 */

import { Readable } from 'node:stream';
import { type OpenBlob, sizeMismatch } from '../../blob/index.ts';
import type { StreamBody } from '../http/types.ts';

/**
 * A place in a blob from which reading goes on. A piece that follows the last one continues its stream;
 * any other piece, and one after a piece that was not read to its end, opens the blob anew.
 */
export class BlobCursor implements AsyncDisposable {
  readonly #open: OpenBlob;
  readonly #size: number;
  #reader: BlobReader | undefined;

  constructor(open: OpenBlob, size: number) {
    this.#open = open;
    this.#size = size;
  }

  /** Describes the bytes from `offset` on as a body; only one body is read at a time. */
  piece(offset: number, length: number): StreamBody {
    return {
      length,
      open: async (signal) => {
        const reader = await this.#readerAt(offset, signal);
        return Readable.from(reader.take(length), { objectMode: true, highWaterMark: 1 });
      },
    };
  }

  /** Closes the blob. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader?.close();
    this.#reader = undefined;
  }

  async #readerAt(offset: number, signal: AbortSignal): Promise<BlobReader> {
    if (this.#reader !== undefined && this.#reader.idleAt === offset) return this.#reader;
    this.#reader?.close();
    this.#reader = new BlobReader(await this.#open(signal), this.#size);
    await this.#reader.skip(offset);
    return this.#reader;
  }
}

class BlobReader {
  readonly #stream: Readable;
  readonly #size: number;
  readonly #chunks: AsyncIterator<Buffer>;
  #left: Buffer = Buffer.alloc(0);
  #at = 0;
  #reading = false;

  constructor(stream: Readable, size: number) {
    this.#stream = stream;
    this.#size = size;
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** The offset at which the next piece can begin; undefined while one is being read. */
  get idleAt(): number | undefined {
    return this.#reading ? undefined : this.#at;
  }

  /** Yields the next `length` bytes, fewer when the blob ends before. */
  async *take(length: number): AsyncGenerator<Buffer> {
    this.#reading = true;
    for (let wanted = length; wanted > 0; ) {
      const chunk = this.#left.length > 0 ? this.#left : await this.#read();
      if (chunk === undefined) break;
      const part = chunk.subarray(0, wanted);
      this.#left = chunk.subarray(part.length);
      this.#at += part.length;
      wanted -= part.length;
      if (this.#at === this.#size) await this.#end();
      if (wanted === 0) this.#reading = false;
      yield part;
    }
    this.#reading = false;
  }

  async skip(length: number): Promise<void> {
    const taken = this.take(length);
    while ((await taken.next()).done !== true);
  }

  /** Fails when the source does at its end, or has more than it should. */
  async #end(): Promise<void> {
    if (this.#left.length === 0 && (await this.#read()) === undefined) return;
    throw sizeMismatch('the blob to be sent', this.#size, this.#size + 1);
  }

  close(): void {
    this.#stream.on('error', () => {});
    this.#stream.destroy();
  }

  async #read(): Promise<Buffer | undefined> {
    const next = await this.#chunks.next();
    return next.done === true ? undefined : next.value;
  }
}
