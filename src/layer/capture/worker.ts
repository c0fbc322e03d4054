/**
 * Entry file of the thread that captures: it fills the buffers it is given with the bytes of the layer.
 */

import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { type ByteString, byteStringOf } from '../../model/index.ts';
import { fsPath } from '../directory-paths.ts';
import { RootfsIndex } from '../rootfs-index.ts';
import { type FailureMessage, failureMessage } from '../threads.ts';
import { readXattrs } from '../xattr-tools.ts';
import type { Rules } from './compare.ts';
import { Packer } from './packer.ts';
import { ChangeWalk, type WalkCounts } from './walk.ts';

/** What the thread is started with. */
export interface CaptureWork {
  readonly lower: string;
  readonly result: string;
  readonly upper: string | undefined;
  readonly exclude: readonly ByteString[];
  readonly rules: Rules;
}

/** What the thread says to each buffer it is sent. The last one may be empty. */
export type CaptureReport =
  | {
      readonly kind: 'filled';
      readonly buffer: ArrayBuffer;
      readonly length: number;
      readonly isLast: boolean;
      readonly counts: WalkCounts;
    }
  | FailureMessage;

/** Captures one change, buffer by buffer. */
class Capturing {
  readonly #packer = new Packer();
  readonly #walk: ChangeWalk;
  readonly #steps: Generator<void, void, void>;
  #isLast = false;

  constructor(work: CaptureWork) {
    const candidates = byteStringOf(work.upper ?? work.result);
    const { byPath, warning } = readXattrs(fsPath(candidates));
    this.#walk = new ChangeWalk(
      {
        candidates,
        result: byteStringOf(work.result),
        lower: byteStringOf(join(work.lower, 'fs')),
        index: RootfsIndex.load(join(work.lower, 'index.jsonl')).root,
        exclude: new Set(work.exclude),
        xattrs: byPath,
        rules: work.rules,
      },
      this.#packer,
    );
    if (warning !== undefined) this.#walk.counts.warnings.push(warning);
    this.#steps = this.#walk.run();
  }

  /** Returns undefined for a buffer that is not needed any more. */
  fill(buffer: ArrayBuffer): CaptureReport | undefined {
    if (this.#isLast) return undefined;
    this.#packer.provide(buffer);
    this.#isLast = this.#steps.next().done === true;
    if (this.#isLast) this.#walk[Symbol.dispose]();
    const { counts } = this.#walk;
    return { kind: 'filled', buffer, length: this.#packer.filled, isLast: this.#isLast, counts };
  }
}

function listen(port: NonNullable<typeof parentPort>): void {
  let capturing: Capturing | undefined;
  port.on('message', (buffer: ArrayBuffer) => {
    try {
      capturing ??= new Capturing(workerData as CaptureWork);
      const report = capturing.fill(buffer);
      if (report?.kind === 'filled') port.postMessage(report, [report.buffer]);
    } catch (thrown) {
      port.postMessage(failureMessage(thrown));
      port.close();
    }
  });
}

if (parentPort !== null) listen(parentPort);
