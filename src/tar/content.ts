/**
 * Hands the content of files to the handler, dense or sparse, without copying it.
 */

import type { Region } from './sparse.ts';
import type { TarHandler } from './types.ts';

const zeros = Buffer.alloc(64 * 1024);

/** Follows one file's content. Bytes are announced by {@link ContentFeed.begin} and arrive by {@link ContentFeed.write}. */
export class ContentFeed {
  readonly #handler: TarHandler;
  #regions: readonly Region[] = [];
  #next = 0;
  #position = 0;
  #size = 0;
  #run = 0;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  /** Starts a file of `size` bytes of which the archive holds the regions (already checked). */
  begin(size: number, regions: readonly Region[]): void {
    this.#size = size;
    this.#regions = regions;
    this.#next = 0;
    this.#position = 0;
    this.#run = 0;
    this.#advance();
  }

  /** Takes stored bytes, never more than the regions hold. */
  write(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      const length = Math.min(this.#run, end - at);
      this.#handler.data(buffer.subarray(at, at + length));
      at += length;
      this.#position += length;
      this.#run -= length;
      if (this.#run === 0) this.#advance();
    }
  }

  /** Passes over empty regions and holes up to the next region with bytes, or to the end of the file. */
  #advance(): void {
    while (this.#run === 0) {
      const region = this.#regions[this.#next++];
      this.#hole((region?.offset ?? this.#size) - this.#position);
      if (region === undefined) return;
      this.#run = region.length;
    }
  }

  #hole(length: number): void {
    if (length <= 0) return;
    this.#position += length;
    if (this.#handler.hole !== undefined) {
      this.#handler.hole(length);
      return;
    }
    for (let rest = length; rest > 0; rest -= zeros.length)
      this.#handler.data(rest < zeros.length ? zeros.subarray(0, rest) : zeros);
  }
}
