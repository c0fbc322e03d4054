/**
 * Reading a file in large chunks. Node's own streams leave each chunk to the garbage collector, which spends a third of
 * the time of a push on them; these chunks are marked, so that their one reader gives their memory back (spent.ts).
 */

import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { markSingleReader } from './spent.ts';

/** Bytes that are read at once. */
const chunkSize = 1024 * 1024;

/** The least that is allocated, so that a file that has grown is noticed in few steps. */
const leastSize = 16 * 1024;

/** Which part of a file is read. */
export interface FileChunkOptions {
  /** Where reading begins. Default: 0. */
  readonly start?: number;
  /** How many bytes are expected; it bounds allocations only, all up to the end of the file are read. */
  readonly expected?: number;
  /** Whether the file stays open. */
  readonly keepOpen?: boolean;
}

/** Reads a file from an offset to its end; closes it when the stream is over unless it is to stay open. */
export function readFileChunks(file: FileHandle, options: FileChunkOptions = {}): Readable {
  return new FileChunks(file, options);
}

class FileChunks extends Readable {
  readonly #file: FileHandle;
  readonly #end: number;
  readonly #keepOpen: boolean;
  #position: number;
  #reading: Promise<void> = Promise.resolve();

  constructor(file: FileHandle, { start = 0, expected, keepOpen = false }: FileChunkOptions) {
    super({ highWaterMark: chunkSize });
    this.#file = file;
    this.#position = start;
    this.#end = expected === undefined ? Number.POSITIVE_INFINITY : start + expected;
    this.#keepOpen = keepOpen;
  }

  override _read(): void {
    this.#reading = this.#readChunk().catch((error) => void this.destroy(error));
  }

  async #readChunk(): Promise<void> {
    const wanted = Math.max(leastSize, Math.min(chunkSize, this.#end - this.#position));
    const buffer = Buffer.allocUnsafeSlow(wanted);
    const { bytesRead } = await this.#file.read(buffer, 0, wanted, this.#position);
    this.#position += bytesRead;
    const chunk = buffer.subarray(0, bytesRead);
    markSingleReader(chunk, { part: true });
    this.push(bytesRead === 0 ? null : chunk);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const close = async () => (this.#keepOpen ? undefined : this.#file.close());
    this.#reading.then(close).then(
      () => done(error),
      (failure) => done(error ?? failure),
    );
  }
}
