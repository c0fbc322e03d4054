/**
 * Captures what changed in a root file system as a layer: a pure function of what was below and what is
 * there now (docs/design.md, "The canonical layer"), written as it is read.
 */

import { Readable } from 'node:stream';
import type { Worker } from 'node:worker_threads';
import { markSingleReader } from '../blob/index.ts';
import type { ByteString } from '../model/index.ts';
import type { CaptureWork } from './capture/capturing.ts';
import type { InPlace } from './capture/in-place.ts';
import type { WalkCounts } from './capture/walk.ts';
import type { CaptureReport } from './capture/worker.ts';
import type { IdMapping } from './id-mapping.ts';
import { bufferSize, failureOf, startWorker } from './threads.ts';

/** What to compare, and how to write it. */
export interface CaptureRequest {
  /** Directory of the stored root file system below: `fs/`, never changed since, and `index.jsonl`. */
  readonly lower: string;
  /** The root file system as processes saw it: the overlay's mount, or the changed copy of `lower`. */
  readonly result: string;
  /** The overlay's upper directory when there is one: all that may have changed is in it. */
  readonly upper?: string;
  /** Paths without leading slash that are left alone, with everything below them. */
  readonly exclude: readonly ByteString[];
  /** Nanoseconds; later modification times become this one. */
  readonly epoch: bigint;
  /** `preserve`: times stay as they are, and a difference in time is a change. */
  readonly timestamps: 'clamp' | 'preserve';
  readonly idMapping: IdMapping;
  /** Under a single id: the owner that new entries get; 0:0 when absent. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** For a result that is the root file system of a running container, made by others than us. */
  readonly inPlace?: InPlace;
}

/** What went into a layer. */
export interface CaptureStats {
  readonly entries: number;
  readonly whiteouts: number;
  /** Bytes of the archive. */
  readonly bytes: number;
  readonly warnings: readonly string[];
}

/** A layer on its way. */
export interface Capture {
  /**
   * The archive. Fails with `LAYER_INVALID` for names that no layer can hold, `LIMIT_EXCEEDED` for what no engine
   * could unpack, `IO_FAILED` and `PERMISSION_DENIED` of the disk, and with the signal's reason when it aborts.
   */
  readonly body: Readable;
  /** Complete once the body has ended. */
  stats(): CaptureStats;
}

/** Whoever made the container had every right: its disk says what the layers say. */
const notUnpacked = { idMapping: 'full' } as const;

/** How many buffers are on their way at a time. */
const buffersInWork = 3;

/** Starts to capture. Nothing may write to the result until the body has ended. */
export function captureLayer(
  request: CaptureRequest,
  options: { readonly signal?: AbortSignal } = {},
): Capture {
  const { lower, result, upper, exclude, epoch, timestamps, idMapping } = request;
  const owner = request.owner ?? { uid: 0, gid: 0 };
  const { inPlace } = request;
  const shared = { owner, timestamps, epoch };
  const rules =
    inPlace === undefined ? { ...shared, idMapping } : { ...shared, ...notUnpacked, inPlace };
  const work: CaptureWork = { lower, result, upper, exclude, rules };
  const body = new CaptureStream(work, options.signal);
  return { body, stats: () => body.stats };
}

/** Sends buffers to the thread and passes on what comes back. */
class CaptureStream extends Readable {
  readonly #worker: Worker;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.destroy(this.#signal?.reason);
  #counts: WalkCounts = { entries: 0, whiteouts: 0, warnings: [] };
  #bytes = 0;
  #underway = 0;

  constructor(work: CaptureWork, signal: AbortSignal | undefined) {
    super();
    this.#worker = startWorker('capture/worker', work);
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
    failureOf(this.#worker).catch((error: Error) => this.destroy(error));
    this.#worker.on('message', (report: CaptureReport) => {
      if (report.kind === 'filled') this.#take(report);
    });
  }

  get stats(): CaptureStats {
    return { ...this.#counts, bytes: this.#bytes };
  }

  override _read(): void {
    for (; this.#underway < buffersInWork; this.#underway += 1) {
      const buffer = new ArrayBuffer(bufferSize);
      this.#worker.postMessage(buffer, [buffer]);
    }
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#worker.terminate().then(
      () => callback(error),
      () => callback(error),
    );
  }

  #take(report: Extract<CaptureReport, { kind: 'filled' }>): void {
    this.#underway -= 1;
    this.#counts = report.counts;
    this.#bytes += report.length;
    if (report.length > 0) {
      const chunk = Buffer.from(report.buffer, 0, report.length);
      markSingleReader(chunk);
      this.push(chunk);
    }
    if (report.isLast) this.push(null);
  }
}
