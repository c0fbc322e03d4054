/** A fixed number of buffers shared with another thread: memory and back-pressure in one. */

import { bufferSize } from './threads.ts';

/** A buffer and how much of it holds content. */
export interface FilledBuffer {
  readonly buffer: SharedArrayBuffer;
  readonly length: number;
}

/** Lends at most `count` buffers at a time. */
export class BufferPool {
  #unmade: number;
  readonly #free: SharedArrayBuffer[] = [];
  #waiting: ((buffer: SharedArrayBuffer) => void) | undefined;

  constructor(count: number) {
    this.#unmade = count;
  }

  /** Waits for a buffer; one caller at a time. */
  take(): Promise<SharedArrayBuffer> {
    const buffer = this.#free.pop();
    if (buffer !== undefined) return Promise.resolve(buffer);
    if (this.#unmade > 0) {
      this.#unmade -= 1;
      return Promise.resolve(new SharedArrayBuffer(bufferSize));
    }
    const { promise, resolve } = Promise.withResolvers<SharedArrayBuffer>();
    this.#waiting = resolve;
    return promise;
  }

  /** Takes a buffer back. */
  give(buffer: SharedArrayBuffer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#free.push(buffer);
    else waiting(buffer);
  }
}
