/**
 * Unpacks into one target: takes the archives of the layers in pieces, one layer after the other, and
 * completes the root file system and its index at the end.
 */

import { join } from 'node:path';
import { byteStringOf } from '../../model/index.ts';
import { TarReader } from '../../tar/index.ts';
import type { IdMapping } from '../id-mapping.ts';
import { Applier } from './applier.ts';
import { cloneRootfs } from './clone.ts';
import { Disk } from './disk.ts';
import { finish } from './finish.ts';
import { type Directory, newRoot } from './tree.ts';

/** Where to unpack, and onto what. */
export interface UnpackWork {
  readonly target: string;
  /** A stored root file system that is cloned first. */
  readonly base: string | undefined;
  readonly mapping: IdMapping;
}

/** What was unpacked. */
export interface UnpackOutcome {
  readonly entries: number;
  readonly bytes: number;
  readonly warnings: readonly string[];
}

const maxWarnings = 20;

/** Unpacks into one target; every call is synchronous. */
export class Unpacker implements Disposable {
  readonly #work: UnpackWork;
  readonly #disk: Disk;
  readonly #root: Directory;
  readonly #applier: Applier;
  readonly #warnings = new Set<string>();
  #reader: TarReader | undefined;

  /** Makes the root directory and clones the base. */
  constructor(work: UnpackWork) {
    this.#work = work;
    this.#disk = new Disk(byteStringOf(join(work.target, 'fs')), work.mapping);
    this.#root = newRoot();
    this.#applier = new Applier(this.#root, this.#disk, this.#warn);
    if (work.base !== undefined) cloneRootfs(work.base, this.#root, this.#disk);
  }

  /** Takes the next bytes of a layer; its name is for messages. */
  write(layer: string, bytes: Uint8Array): void {
    this.#readerOf(layer).write(bytes);
  }

  /** Says that a layer has been given in full. */
  endLayer(layer: string): void {
    this.#readerOf(layer).end();
    this.#applier.endLayer();
    this.#reader = undefined;
  }

  /** Completes the root file system and writes its index. */
  finish(): UnpackOutcome {
    const indexPath = join(this.#work.target, 'index.jsonl');
    const entries = finish({ root: this.#root, disk: this.#disk, indexPath, warn: this.#warn });
    return { entries, bytes: this.#applier.bytes, warnings: [...this.#warnings] };
  }

  [Symbol.dispose](): void {
    this.#applier[Symbol.dispose]();
    this.#disk[Symbol.dispose]();
  }

  readonly #warn = (message: string): void => {
    if (this.#warnings.size < maxWarnings) this.#warnings.add(message);
  };

  #readerOf(layer: string): TarReader {
    if (this.#reader === undefined) {
      this.#applier.beginLayer();
      this.#reader = new TarReader(this.#applier, { what: `layer ${layer}` });
    }
    return this.#reader;
  }
}
