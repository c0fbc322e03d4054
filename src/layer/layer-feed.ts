/**
 * One layer on its way from its file to the thread that applies it: read, decompressed, hashed, and copied
 * into the buffers of a pool. It runs ahead as far as the pool has buffers.
 */

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { countBytes, decompress, endChunk, readFileChunks } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import { algorithmOf, type Compression, type Digest, finishDigest } from '../model/index.ts';
import type { BufferPool, FilledBuffer } from './buffer-pool.ts';
import { bufferSize } from './threads.ts';

/** A layer's blob in a file, and what it decompresses to. */
export interface LayerFile {
  readonly path: string;
  readonly compression: Compression;
  readonly diffId: Digest;
  /** Bytes of the file. */
  readonly size: number;
}

/** What a feed reports while it runs; may throw to end it. */
export interface FeedObserver {
  /** More bytes of the file were read. */
  onRead(bytes: number): void;
  /** More bytes came out of decompression. */
  onBytes(bytes: number): void;
}

/** The file of a layer, which is opened when it is read. */
async function* fileChunks({ path, size }: LayerFile): AsyncGenerator<Buffer> {
  yield* readFileChunks(await open(path), { expected: size }) as AsyncIterable<Buffer>;
}

/** Starts at once and waits when the pool is empty. */
export class LayerFeed {
  readonly #layer: LayerFile;
  readonly #body: Readable;
  readonly #pool: BufferPool;
  readonly #observer: FeedObserver;
  readonly #filled: FilledBuffer[] = [];
  #read = 0;
  #ended = false;
  #failure: unknown;
  #wake: () => void = () => {};

  constructor(layer: LayerFile, pool: BufferPool, observer: FeedObserver) {
    this.#layer = layer;
    this.#pool = pool;
    this.#observer = observer;
    const file = Readable.from(fileChunks(layer), { objectMode: true, highWaterMark: 1 });
    const counted = countBytes(file, (total) => {
      observer.onRead(total - this.#read);
      this.#read = total;
    });
    this.#body = decompress(counted, layer.compression);
    this.#run().catch((error: unknown) => {
      this.#failure = error;
      this.#end();
    });
  }

  /**
   * Yields the decompressed bytes; whoever receives a buffer gives it back to the pool.
   *
   * @throws BuildError `SIZE_MISMATCH` and `DIFF_ID_MISMATCH`, after the last byte, and the errors of decompression
   */
  async *chunks(): AsyncGenerator<FilledBuffer> {
    while (true) {
      const next = this.#filled.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) break;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Closes the file; nothing more comes out. */
  stop(): void {
    this.#body.destroy();
  }

  async #run(): Promise<void> {
    const { diffId } = this.#layer;
    const hash = createHash(algorithmOf(diffId));
    let buffer = await this.#pool.take();
    let length = 0;
    for await (const chunk of this.#body as AsyncIterable<Buffer>) {
      this.#observer.onBytes(chunk.length);
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) {
        const step = Math.min(bufferSize - length, chunk.length - at);
        new Uint8Array(buffer).set(chunk.subarray(at, at + step), length);
        length += step;
        at += step;
        if (length < bufferSize) continue;
        this.#deliver({ buffer, length });
        buffer = await this.#pool.take();
        length = 0;
      }
      endChunk(chunk);
    }
    this.#deliver({ buffer, length });
    this.#verify(finishDigest(hash, algorithmOf(diffId)));
    this.#end();
  }

  #deliver(filled: FilledBuffer): void {
    this.#filled.push(filled);
    this.#wake();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #verify(actual: Digest): void {
    const { diffId, size } = this.#layer;
    const read = this.#read;
    if (read !== size)
      throw new BuildError(
        'SIZE_MISMATCH',
        `layer ${diffId} has ${read} bytes instead of ${size}`,
        {
          origin: 'local',
        },
      );
    if (actual !== diffId)
      throw new BuildError(
        'DIFF_ID_MISMATCH',
        `layer does not hold what the image says: its content is ${actual}, not ${diffId}`,
        {
          origin: 'builder',
          suggestion: 'the image is damaged or has been tampered with; ask its publisher',
        },
      );
  }
}
