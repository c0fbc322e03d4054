/**
 * Entry file of the thread that unpacks: it receives the decompressed archives of the layers in order and
 * gives each buffer back when it is done with it.
 */

import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { type ByteString, byteStringOf } from '../../model/index.ts';
import { TarReader } from '../../tar/index.ts';
import type { IdMapping } from '../id-mapping.ts';
import { type FailureMessage, failureMessage } from '../threads.ts';
import { Applier } from './applier.ts';
import { cloneRootfs } from './clone.ts';
import { Disk } from './disk.ts';
import { finish } from './finish.ts';
import { Directory, Inode, impliedDirectory } from './tree.ts';

/** What the thread is started with. */
export interface UnpackWork {
  readonly target: string;
  readonly base: string | undefined;
  readonly mapping: IdMapping;
}

/** What the thread is told. Layers come one after the other: chunks, then the end. */
export type UnpackInstruction =
  | {
      readonly kind: 'chunk';
      readonly layer: string;
      readonly pool: number;
      readonly buffer: ArrayBuffer;
      readonly length: number;
    }
  | { readonly kind: 'layer-end'; readonly layer: string }
  | { readonly kind: 'finish' };

/** What the thread says. */
export type UnpackReport =
  | { readonly kind: 'free'; readonly pool: number; readonly buffer: ArrayBuffer }
  | { readonly kind: 'layer-done' }
  | {
      readonly kind: 'done';
      readonly entries: number;
      readonly bytes: number;
      readonly warnings: readonly string[];
    }
  | FailureMessage;

const maxWarnings = 20;

/** Unpacks into one target, instruction by instruction. */
class Unpacker {
  readonly #work: UnpackWork;
  readonly #disk: Disk;
  readonly #root: Directory;
  readonly #applier: Applier;
  readonly #warnings = new Set<string>();
  #reader: TarReader | undefined;

  constructor(work: UnpackWork) {
    this.#work = work;
    this.#disk = new Disk(byteStringOf(join(work.target, 'fs')), work.mapping);
    this.#root = new Directory('' as ByteString, undefined, new Inode(impliedDirectory), 0);
    const warn = (message: string) => {
      if (this.#warnings.size < maxWarnings) this.#warnings.add(message);
    };
    this.#applier = new Applier(this.#root, this.#disk, warn);
    if (work.base !== undefined) cloneRootfs(work.base, this.#root, this.#disk);
    this.#warn = warn;
  }

  readonly #warn: (message: string) => void;

  handle(instruction: UnpackInstruction): UnpackReport {
    switch (instruction.kind) {
      case 'chunk':
        this.#readerOf(instruction.layer).write(
          new Uint8Array(instruction.buffer, 0, instruction.length),
        );
        return { kind: 'free', pool: instruction.pool, buffer: instruction.buffer };
      case 'layer-end':
        this.#readerOf(instruction.layer).end();
        this.#applier.endLayer();
        this.#reader = undefined;
        return { kind: 'layer-done' };
      case 'finish':
        return this.#finish();
    }
  }

  #readerOf(layer: string): TarReader {
    if (this.#reader === undefined) {
      this.#applier.beginLayer();
      this.#reader = new TarReader(this.#applier, { what: `layer ${layer}` });
    }
    return this.#reader;
  }

  #finish(): UnpackReport {
    const entries = finish({
      root: this.#root,
      disk: this.#disk,
      indexPath: join(this.#work.target, 'index.jsonl'),
      warn: this.#warn,
    });
    this.#disk[Symbol.dispose]();
    return { kind: 'done', entries, bytes: this.#applier.bytes, warnings: [...this.#warnings] };
  }
}

function listen(port: NonNullable<typeof parentPort>): void {
  const send = (report: UnpackReport) =>
    port.postMessage(report, report.kind === 'free' ? [report.buffer] : []);
  const guarded = <T>(action: () => T): T | undefined => {
    try {
      return action();
    } catch (thrown) {
      send(failureMessage(thrown));
      port.close();
      return undefined;
    }
  };
  const unpacker = guarded(() => new Unpacker(workerData as UnpackWork));
  port.on('message', (instruction: UnpackInstruction) => {
    const report = guarded(() => unpacker?.handle(instruction));
    if (report !== undefined) send(report);
  });
}

if (parentPort !== null) listen(parentPort);
