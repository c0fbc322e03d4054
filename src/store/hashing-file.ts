/**
 * Writes a file and hashes it at the same time, in large pieces: small chunks are gathered in a few
 * buffers that are used again and again, so that neither thread waits and nothing is left for the garbage
 * collector.
 */

import type { FileHandle } from 'node:fs/promises';
import { type ContentHash, endChunk } from '../blob/index.ts';
import type { Digest } from '../model/index.ts';

/** Bytes that are hashed and written in one go. */
const batchSize = 1024 * 1024;

/** Buffers in use at once: one fills while the others are written and hashed. */
const batchCount = 3;

/** What a file is written with. */
export interface HashingFileDeps {
  readonly file: FileHandle;
  readonly hash: ContentHash;
  /** Called before each write. */
  readonly beforeWrite: () => Promise<void>;
  /** Called after each write with the count of bytes written so far. */
  readonly onWritten: (bytes: number) => void;
  /** The most bytes that will come, when it is known: small contents get small buffers. */
  readonly expected: number | undefined;
}

interface Batch {
  readonly bytes: Buffer;
  busy: Promise<void>;
}

/** A file that is being written. The caller keeps the handle. */
export class HashingFile {
  readonly #deps: HashingFileDeps;
  readonly #batches: Batch[] = [];
  #current: Batch | undefined;
  #filled = 0;
  #turn = 0;
  #written = 0;
  /** Writes go to the end of the file, so each one waits for the one before. */
  #lastWrite: Promise<void> = Promise.resolve();

  constructor(deps: HashingFileDeps) {
    this.#deps = deps;
  }

  /** Takes a chunk; it may be used again, or is gone, when the promise settles. */
  async add(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.length > 0; ) {
      this.#current ??= await this.#nextBatch();
      const { bytes } = this.#current;
      const part = rest.subarray(0, bytes.length - this.#filled);
      // `set` and `copy` move bytes one by one into shared memory that is not aligned alike, ten times slower.
      bytes.fill(part, this.#filled, this.#filled + part.length);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === bytes.length) this.#flush();
    }
    endChunk(chunk);
  }

  /** Waits until all is written and hashed; returns the digest. */
  async end(): Promise<Digest> {
    if (this.#filled > 0) this.#flush();
    await Promise.all(this.#batches.map(({ busy }) => busy));
    return this.#deps.hash.digest();
  }

  /** Gives up; settles when nothing uses the file any more. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#batches.map(({ busy }) => busy));
    this.#deps.hash.drop();
  }

  /** The buffer whose turn it is, as soon as it is free. A failure of its last use comes out here. */
  async #nextBatch(): Promise<Batch> {
    const index = this.#turn % batchCount;
    this.#turn += 1;
    const known = this.#batches[index];
    if (known !== undefined) {
      await known.busy;
      return known;
    }
    const size = Math.max(1, Math.min(this.#deps.expected ?? batchSize, batchSize));
    const bytes = Buffer.from(new SharedArrayBuffer(size));
    const batch = { bytes, busy: Promise.resolve() };
    this.#batches.push(batch);
    return batch;
  }

  #flush(): void {
    const batch = this.#current as Batch;
    const bytes = batch.bytes.subarray(0, this.#filled);
    this.#current = undefined;
    this.#filled = 0;
    this.#lastWrite = this.#lastWrite.then(() => this.#write(bytes));
    batch.busy = Promise.all([this.#lastWrite, this.#deps.hash.update(bytes)]).then(() => {});
    // Whoever needs the buffer next is told; until then a failure is no unhandled one.
    batch.busy.catch(() => {});
    this.#lastWrite.catch(() => {});
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#deps.beforeWrite();
    const { bytesWritten } = await this.#deps.file.write(bytes);
    if (bytesWritten < bytes.length) await this.#deps.file.writeFile(bytes.subarray(bytesWritten));
    this.#written += bytes.length;
    this.#deps.onWritten(this.#written);
  }
}
