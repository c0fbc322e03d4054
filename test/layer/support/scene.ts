/** A private directory for one test, with a sentinel beside the target, and what tests do there. */

import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Unpacker } from '../../../src/layer/apply/unpacker.ts';
import {
  type IdMapping,
  type LayerFile,
  removeTree,
  unpackLayers,
} from '../../../src/layer/index.ts';
import { digestOf } from '../../../src/model/index.ts';
import { type Snapshot, snapshot } from './snapshot.ts';

/** The id map that this process was started in; `single` also stands for no namespace at all. */
export const mapping = (process.env['S2OCI_TEST_MAPPING'] ?? 'single') as IdMapping;

/** What of a test is the same for every layer it unpacks. */
export interface UnpackChoices {
  /** Name of an earlier target that is cloned. */
  readonly base?: string;
  readonly signal?: AbortSignal;
}

/** A scratch directory; removed when the test ends, with whatever is in it. */
export class Scene implements AsyncDisposable {
  readonly root: string;
  readonly #sentinel: Snapshot;

  constructor() {
    this.root = fs.mkdtempSync(join(tmpdir(), 's2oci-layer-'));
    fs.mkdirSync(this.path('sentinel'), { mode: 0o750 });
    fs.writeFileSync(this.path('sentinel', 'secret'), 'untouched', { mode: 0o640 });
    fs.mkdirSync(this.path('target-evil'));
    this.#sentinel = this.#outside();
  }

  path(...parts: readonly string[]): string {
    return join(this.root, ...parts);
  }

  /** Writes layers to files and describes them. */
  files(layers: readonly Buffer[]): LayerFile[] {
    return layers.map((bytes, i) => {
      const blob = i % 2 === 0 ? gzipSync(bytes, { level: 1 }) : bytes;
      const path = this.path(createHash('sha256').update(blob).digest('hex'));
      fs.writeFileSync(path, blob);
      const compression = i % 2 === 0 ? 'gzip' : 'none';
      return { path, compression, diffId: digestOf(bytes), size: blob.length };
    });
  }

  /** Unpacks layers into a new target below and returns its directory. */
  async unpack(
    name: string,
    layers: readonly Buffer[],
    choices: UnpackChoices = {},
  ): Promise<string> {
    const target = this.path(name);
    const { base, signal } = choices;
    await unpackLayers(
      {
        layers: this.files(layers),
        target,
        idMapping: mapping,
        ...(base === undefined ? {} : { base: this.path(base) }),
      },
      signal === undefined ? {} : { signal },
    );
    return target;
  }

  /** Like {@link unpack}, in this thread, so that thousands of layers can be unpacked in a test. */
  unpackHere(name: string, layers: readonly Buffer[], base?: string): string {
    const target = this.path(name);
    fs.mkdirSync(target, { recursive: true });
    const work = { target, base: base === undefined ? undefined : this.path(base), mapping };
    using unpacker = new Unpacker(work);
    for (const [i, bytes] of layers.entries()) {
      // Small pieces, so that entries are cut anywhere.
      for (let at = 0; at < bytes.length; at += 700)
        unpacker.write(`${i}`, bytes.subarray(at, at + 700));
      unpacker.endLayer(`${i}`);
    }
    unpacker.finish();
    return target;
  }

  /** Tells what changed outside of targets since the scene was made; nothing should. */
  damage(): string[] {
    const now = this.#outside();
    const names = new Set([...now.keys(), ...this.#sentinel.keys()]);
    return [...names].filter((name) => now.get(name) !== this.#sentinel.get(name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeTree(this.root);
  }

  #outside(): Snapshot {
    const parts = ['sentinel', 'target-evil'].map((name) => snapshot(this.path(name)));
    return new Map(parts.flatMap((part) => [...part]));
  }
}
