/** A fixed number of buffers that travel to another thread and come back: memory and back-pressure in one. */

import { bufferSize } from './threads.ts';

/** A buffer and how much of it holds content. */
export interface FilledBuffer {
  readonly buffer: ArrayBuffer;
  readonly length: number;
}

/** Lends at most `count` buffers at a time. */
export class BufferPool {
  #unmade: number;
  readonly #free: ArrayBuffer[] = [];
  #waiting: ((buffer: ArrayBuffer) => void) | undefined;

  constructor(count: number) {
    this.#unmade = count;
  }

  /** Waits for a buffer; one caller at a time. */
  take(): Promise<ArrayBuffer> {
    const buffer = this.#free.pop();
    if (buffer !== undefined) return Promise.resolve(buffer);
    if (this.#unmade > 0) {
      this.#unmade -= 1;
      return Promise.resolve(new ArrayBuffer(bufferSize));
    }
    const { promise, resolve } = Promise.withResolvers<ArrayBuffer>();
    this.#waiting = resolve;
    return promise;
  }

  /** Takes a buffer back. */
  give(buffer: ArrayBuffer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#free.push(buffer);
    else waiting(buffer);
  }
}
