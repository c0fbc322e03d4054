/**
 * Unpacks layers into a root file system and its index.
 *
 * This thread reads, decompresses (on libuv's threads) and hashes; another parses and writes. The next
 * layer is already being decompressed while one is applied. A fixed set of shared buffers goes back and
 * forth, so memory does not follow the size of a layer. Nothing counts before the last diffID has been
 * verified.
 */

import { lstatSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { asBuildError, BuildError } from '../errors/index.ts';
import type { UnpackOutcome, UnpackWork } from './apply/unpacker.ts';
import type { UnpackInstruction, UnpackReport } from './apply/worker.ts';
import { BufferPool } from './buffer-pool.ts';
import type { IdMapping } from './id-mapping.ts';
import { LayerFeed, type LayerFile } from './layer-feed.ts';
import { removeTree } from './remove-tree.ts';
import { failureOf, startWorker } from './threads.ts';

/** What to unpack, and where to. */
export interface UnpackRequest {
  /** Bottom layer first. */
  readonly layers: readonly LayerFile[];
  /** Directory that gets `fs/` and `index.jsonl`; neither may exist. Made if missing, and private. */
  readonly target: string;
  /** Directory of a stored root file system on the same file system, on which the layers are applied. */
  readonly base?: string;
  readonly idMapping: IdMapping;
}

/** How the work is watched and ended. */
export interface UnpackOptions {
  readonly signal?: AbortSignal;
  /** Called with the count of compressed bytes read so far, over all layers. */
  readonly onProgress?: (bytes: number) => void;
}

/** What was unpacked: entries of the whole root file system, bytes of file content written, warnings. */
export type UnpackResult = UnpackOutcome;

/** Bytes that all layers of one image may hold together. */
const maxImageBytes = 64 * 2 ** 30;
/** Buffers that each of the two layers in work may have in flight. */
const buffersPerLayer = 8;

/**
 * Applies layers to an empty directory, or to a clone of a stored root file system.
 *
 * When it fails, nothing of it is left in the target.
 *
 * @throws BuildError `DIFF_ID_MISMATCH`, `SIZE_MISMATCH`, `COMPRESSION_INVALID`, `TAR_INVALID`, `LAYER_INVALID`,
 *   `LIMIT_EXCEEDED` for layers that cannot be trusted; `NO_SPACE`, `PERMISSION_DENIED`, `IO_FAILED` of the disk;
 *   the signal's reason when it aborts
 */
export async function unpackLayers(
  request: UnpackRequest,
  options: UnpackOptions = {},
): Promise<UnpackResult> {
  options.signal?.throwIfAborted();
  mkdirSync(request.target, { recursive: true, mode: 0o700 });
  checkFree(request.target);
  const work: UnpackWork = {
    target: request.target,
    base: request.base,
    mapping: request.idMapping,
  };
  const worker = startWorker('apply/worker', work);
  const abort = rejectOnAbort(options.signal);
  const unpacking = new Unpacking(worker, request, options);
  try {
    return await Promise.race([unpacking.run(), failureOf(worker), abort.promise]);
  } catch (error) {
    await worker.terminate();
    await removeResult(request.target);
    throw options.signal?.aborted ? options.signal.reason : asBuildError(error);
  } finally {
    abort.stop();
    unpacking.stop();
    await worker.terminate();
  }
}

function checkFree(target: string): void {
  for (const name of ['fs', 'index.jsonl'])
    if (lstatSync(join(target, name), { throwIfNoEntry: false }) !== undefined)
      throw new BuildError('INTERNAL', `something has been unpacked to ${target} before`);
}

/** Only what this call made: the target itself belongs to the caller. */
async function removeResult(target: string): Promise<void> {
  await removeTree(join(target, 'index.jsonl'));
  await removeTree(join(target, 'fs'));
}

function rejectOnAbort(signal: AbortSignal | undefined): {
  readonly promise: Promise<never>;
  stop(): void;
} {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  return { promise, stop: () => signal?.removeEventListener('abort', onAbort) };
}

/** One run: feeds the thread and hears what it says. */
class Unpacking {
  readonly #worker: Worker;
  readonly #request: UnpackRequest;
  readonly #onProgress: (bytes: number) => void;
  readonly #feeds: LayerFeed[] = [];
  readonly #pools = [new BufferPool(buffersPerLayer), new BufferPool(buffersPerLayer)] as const;
  readonly #done = Promise.withResolvers<UnpackResult>();
  #bytesRead = 0;
  #bytesOut = 0;

  constructor(worker: Worker, request: UnpackRequest, options: UnpackOptions) {
    this.#worker = worker;
    this.#request = request;
    this.#onProgress = options.onProgress ?? (() => {});
    worker.on('message', (report: UnpackReport) => this.#onReport(report));
  }

  async run(): Promise<UnpackResult> {
    const { layers } = this.#request;
    for (const [i, layer] of layers.entries()) {
      const feed = this.#feed(i);
      this.#feed(i + 1);
      for await (const { buffer, length } of feed.chunks())
        this.#send({ kind: 'chunk', layer: layer.diffId, pool: i % 2, buffer, length });
      this.#send({ kind: 'layer-end', layer: layer.diffId });
    }
    this.#send({ kind: 'finish' });
    return this.#done.promise;
  }

  stop(): void {
    for (const feed of this.#feeds) feed.stop();
  }

  /** Returns the feed of a layer; starts it when it is asked for the first time. */
  #feed(i: number): LayerFeed {
    const layer = this.#request.layers[i];
    const pool = this.#pools[i % 2 === 0 ? 0 : 1];
    const started = this.#feeds[i];
    if (started !== undefined || layer === undefined) return started as LayerFeed;
    const feed = new LayerFeed(layer, pool, {
      onRead: (bytes) => {
        this.#bytesRead += bytes;
        this.#onProgress(this.#bytesRead);
      },
      onBytes: (bytes) => {
        this.#bytesOut += bytes;
        if (this.#bytesOut > maxImageBytes)
          throw new BuildError('LIMIT_EXCEEDED', `image holds more than ${maxImageBytes} bytes`);
      },
    });
    this.#feeds[i] = feed;
    return feed;
  }

  #send(instruction: UnpackInstruction): void {
    this.#worker.postMessage(instruction);
  }

  #onReport(report: UnpackReport): void {
    if (report.kind === 'free') this.#pools[report.pool === 0 ? 0 : 1].give(report.buffer);
    if (report.kind === 'done') this.#done.resolve(report.outcome);
  }
}
