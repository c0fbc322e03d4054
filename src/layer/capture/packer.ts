/**
 * Fills buffers of one size with the bytes of an archive. Writing stops, in the middle of a file if need
 * be, whenever a buffer is full, and goes on when the next one is there: the writer is a generator.
 */

import * as fs from 'node:fs';
import { BuildError } from '../../errors/index.ts';
import { displayBytes } from '../../model/index.ts';
import { encodeEntry, endOfArchive, paddingOf, type TarEntry } from '../../tar/index.ts';

/** Yields once for every buffer that is full. */
export type Packing = Generator<void, void, void>;

/** Writes entries into the buffer at hand. */
export class Packer {
  #buffer = new Uint8Array(0);
  #filled = 0;
  /** Bytes of the archive so far. */
  bytes = 0;

  /** Provides the next buffer; the one before has been taken. */
  provide(buffer: ArrayBuffer): void {
    this.#buffer = new Uint8Array(buffer);
    this.#filled = 0;
  }

  /** Bytes in the present buffer. */
  get filled(): number {
    return this.#filled;
  }

  /** Writes an entry without content. */
  *entry(entry: TarEntry): Packing {
    yield* this.#write(encodeEntry(entry));
  }

  /**
   * Writes a file and as much of its content as the entry says.
   *
   * @throws BuildError `IO_FAILED` when there is less
   */
  *file(entry: TarEntry, fd: number): Packing {
    yield* this.entry(entry);
    for (let left = entry.size; left > 0; ) {
      if (this.#room === 0) yield;
      const length = Math.min(left, this.#room);
      const read = fs.readSync(fd, this.#buffer, this.#filled, length, null);
      if (read === 0)
        throw new BuildError(
          'IO_FAILED',
          `"${displayBytes(entry.path)}" became shorter while it was read`,
          { origin: 'local', suggestion: 'something still writes to the result of the build' },
        );
      this.#advance(read);
      left -= read;
    }
    yield* this.#write(paddingOf(entry.size));
  }

  /** Writes what ends an archive. */
  *end(): Packing {
    yield* this.#write(endOfArchive);
  }

  get #room(): number {
    return this.#buffer.length - this.#filled;
  }

  #advance(length: number): void {
    this.#filled += length;
    this.bytes += length;
  }

  *#write(bytes: Uint8Array): Packing {
    for (let at = 0; at < bytes.length; ) {
      if (this.#room === 0) yield;
      const length = Math.min(bytes.length - at, this.#room);
      this.#buffer.set(bytes.subarray(at, at + length), this.#filled);
      this.#advance(length);
      at += length;
    }
  }
}
