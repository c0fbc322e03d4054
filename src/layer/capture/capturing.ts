/** Captures one change, buffer by buffer: reads what has to be known first, then walks and packs. */

import { join } from 'node:path';
import { type ByteString, byteStringOf } from '../../model/index.ts';
import { loadTree } from '../apply/load.ts';
import { fsPath } from '../directory-paths.ts';
import { readXattrs } from '../xattr-tools.ts';
import type { Rules } from './compare.ts';
import { Packer } from './packer.ts';
import { ChangeWalk, type WalkCounts } from './walk.ts';

/** What to compare; directories as for `captureLayer`. */
export interface CaptureWork {
  readonly lower: string;
  readonly result: string;
  readonly upper: string | undefined;
  readonly exclude: readonly ByteString[];
  readonly rules: Rules;
}

/** A buffer as far as it was filled. */
export interface FilledPart {
  readonly length: number;
  readonly isLast: boolean;
  readonly counts: WalkCounts;
}

/** In place there is too much that is none of ours, and often no tool. */
const unread = { byPath: undefined, warning: undefined };

/** A capture in progress; every call is synchronous. */
export class Capturing implements Disposable {
  readonly #packer = new Packer();
  readonly #walk: ChangeWalk;
  readonly #steps: Generator<void, void, void>;
  #isLast = false;

  constructor(work: CaptureWork) {
    const candidates = byteStringOf(work.upper ?? work.result);
    const inPlace = work.rules.inPlace !== undefined;
    const { byPath, warning } = inPlace ? unread : readXattrs(fsPath(candidates));
    this.#walk = new ChangeWalk(
      {
        candidates,
        result: byteStringOf(work.result),
        lower: byteStringOf(join(work.lower, 'fs')),
        index: loadTree(join(work.lower, 'index.jsonl')),
        exclude: new Set(work.exclude),
        xattrs: byPath,
        rules: work.rules,
      },
      this.#packer,
    );
    if (warning !== undefined) this.#walk.counts.warnings.push(warning);
    this.#steps = this.#walk.run();
  }

  /** Fills a buffer with the next bytes of the layer; returns undefined when there are no more. */
  fill(buffer: ArrayBuffer): FilledPart | undefined {
    if (this.#isLast) return undefined;
    this.#packer.provide(buffer);
    this.#isLast = this.#steps.next().done === true;
    return { length: this.#packer.filled, isLast: this.#isLast, counts: this.#walk.counts };
  }

  [Symbol.dispose](): void {
    this.#walk[Symbol.dispose]();
  }
}
