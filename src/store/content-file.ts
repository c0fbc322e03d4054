/** Writes and hashes a file in large pieces, a few of them at a time, so that whoever brings the bytes seldom waits. */

import type { ContentWriter } from '../blob/index.ts';
import type { Digest } from '../model/index.ts';

/** Bytes that are written in one go. */
const batchSize = 1024 * 1024;

/** How many batches may be on their way. */
const batchCount = 2;

/** What a file is written with. */
export interface ContentFileDeps {
  readonly writer: ContentWriter;
  /** Called before each write. */
  readonly beforeWrite: () => Promise<void>;
  /** Called after each write with the count of bytes written so far. */
  readonly onWritten: (bytes: number) => void;
}

/** A file that is being written. */
export class ContentFile {
  readonly #deps: ContentFileDeps;
  readonly #writes: Promise<void>[] = [];
  #batch: Uint8Array[] = [];
  #gathered = 0;
  #written = 0;

  constructor(deps: ContentFileDeps) {
    this.#deps = deps;
  }

  /** Takes a chunk over; it must not be used again. A failure of an earlier write comes out here. */
  async add(chunk: Uint8Array): Promise<void> {
    this.#batch.push(chunk);
    this.#gathered += chunk.length;
    if (this.#gathered >= batchSize) await this.#flush();
  }

  /** Waits until all is written and hashed; returns the digest. */
  async end(): Promise<Digest> {
    if (this.#gathered > 0) await this.#flush();
    await Promise.all(this.#writes);
    return this.#deps.writer.digest();
  }

  /** Gives up; settles when nothing uses the file any more. */
  abandon(): Promise<void> {
    return this.#deps.writer.drop();
  }

  async #flush(): Promise<void> {
    const chunks = this.#batch;
    const size = this.#gathered;
    this.#batch = [];
    this.#gathered = 0;
    while (this.#writes.length >= batchCount) await this.#writes.shift();
    await this.#deps.beforeWrite();
    const write = this.#deps.writer.write(chunks).then(() => {
      this.#written += size;
      this.#deps.onWritten(this.#written);
    });
    // Whoever adds the next chunk is told; until then a failure is no unhandled one.
    write.catch(() => {});
    this.#writes.push(write);
  }
}
