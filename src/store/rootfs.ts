/**
 * Flattened root file systems of builder images, shared read-only by all builds (docs/design.md, "Root
 * file systems"). One that is visible under its key is complete and on the disk.
 *
 * Trees are built in `.new.<key>.<random>` under the key's lock and renamed; trees that are no longer
 * wanted wait as `.trash.<random>` to be removed, which may need the ids they belong to.
 */

import { mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { type Digest, hexOf } from '../model/index.ts';
import type { StoreContext } from './context.ts';
import {
  fileError,
  lstatIfAny,
  type RemoveTree,
  randomName,
  removeOwnTree,
  syncDirectory,
} from './files.ts';
import { type OnWait, tryLock, withLock } from './lock.ts';
import { treeSize } from './tree-size.ts';

/** A stored root file system. */
export interface Rootfs {
  readonly key: string;
  /** The directory of the tree and its index. */
  readonly path: string;
  /** The tree itself: only ever an overlay lower directory, never written. */
  readonly fs: string;
  /** Its entries as the layers recorded them, one JSON object a line. */
  readonly index: string;
}

/** A stored root file system in a listing. */
export interface RootfsEntry extends Rootfs {
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsed: number;
}

/** Fills a fresh directory with `fs/` and `index.jsonl`; may tell how large it became. */
// biome-ignore lint/suspicious/noConfusingVoidType: a builder that tells nothing returns nothing
export type BuildRootfs = (directory: string) => Promise<{ readonly bytes: number } | void>;

const keyPattern = /^[0-9a-f]{64,128}\.[a-z0-9-]{1,64}$/;

/** Names a root file system: the chainID of its layers and the id mapping under which it was unpacked. */
export function rootfsKey(chainId: Digest, mapping: string): string {
  return requireKey(`${hexOf(chainId)}.${mapping}`);
}

/** The root file systems of one store. */
export class RootfsStore {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Finds a complete root file system and notes that it is used. Protect its key by a lease first. */
  async find(key: string): Promise<Rootfs | undefined> {
    const rootfs = this.#at(this.#context.paths.rootfs, requireKey(key));
    const [fs, index] = await Promise.all([lstatIfAny(rootfs.fs), lstatIfAny(rootfs.index)]);
    if (fs?.isDirectory() !== true || index?.isFile() !== true) return undefined;
    const now = this.#context.now() / 1000;
    // Only eviction order depends on it.
    if (!this.#context.readOnly) await utimes(rootfs.path, now, now).catch(() => {});
    return rootfs;
  }

  /**
   * Finds the stored root file system of the most layers, given the chainID after each layer.
   *
   * @returns it, and how many of the layers it holds
   */
  async findLongestPrefix(
    chainIds: readonly Digest[],
    mapping: string,
  ): Promise<{ readonly rootfs: Rootfs; readonly layers: number } | undefined> {
    for (let layers = chainIds.length; layers > 0; layers -= 1) {
      const rootfs = await this.find(rootfsKey(chainIds[layers - 1] as Digest, mapping));
      if (rootfs !== undefined) return { rootfs, layers };
    }
    return undefined;
  }

  /**
   * Returns the root file system, building it if it is not there. One process builds, others wait and
   * hear whom they wait for.
   *
   * @throws what `build` throws; BuildError `LOCK_TIMEOUT`, `NO_SPACE`, `IO_FAILED`; the signal's reason
   */
  async create(
    key: string,
    build: BuildRootfs,
    signal?: AbortSignal,
    onWait?: OnWait,
  ): Promise<Rootfs> {
    const found = await this.find(key);
    if (found !== undefined) return found;
    const lockOptions = {
      signal,
      onWait,
      timeoutMs: this.#context.lockTimeoutMs,
      what: `the root file system ${key.slice(0, 12)}`,
    };
    return withLock(this.#context.paths.lock('rootfs', key), lockOptions, async () => {
      return (await this.find(key)) ?? (await this.#build(key, build));
    });
  }

  /** Lists the complete root file systems. */
  async list(): Promise<readonly RootfsEntry[]> {
    const entries: RootfsEntry[] = [];
    for (const name of await readdir(this.#context.paths.rootfs)) {
      if (!keyPattern.test(name)) continue;
      const rootfs = this.#at(this.#context.paths.rootfs, name);
      const found = await lstatIfAny(rootfs.path);
      if (found?.isDirectory() !== true) continue;
      entries.push({ ...rootfs, bytes: await readSize(rootfs.path), lastUsed: found.mtimeMs });
    }
    return entries;
  }

  /** Takes a root file system out of sight, to be removed by {@link sweep}. Call it inside the gate. */
  async evict(key: string): Promise<void> {
    await this.#context.failpoint('rootfs.evict');
    await this.#toTrash(join(this.#context.paths.rootfs, requireKey(key)));
  }

  /** Removes what dead builders and evictions left. */
  async sweep(removeTree: RemoveTree): Promise<void> {
    for (const name of await readdir(this.#context.paths.rootfs)) {
      const path = join(this.#context.paths.rootfs, name);
      if (name.startsWith('.trash.')) await removeTree(path);
      const key = /^\.new\.(.+)\.[0-9a-f]{16}$/.exec(name)?.[1];
      if (key === undefined) continue;
      const lock = await tryLock(this.#context.paths.lock('rootfs', key));
      if (lock === undefined) continue;
      await removeTree(path);
      await lock.remove();
    }
  }

  async #build(key: string, build: BuildRootfs): Promise<Rootfs> {
    const { paths, failpoint, syncFileSystem } = this.#context;
    const temporary = join(paths.rootfs, `.new.${key}.${randomName()}`);
    const rootfs = this.#at(paths.rootfs, key);
    try {
      await this.#discardUnfinished(key);
      await mkdir(temporary);
      const built = await build(temporary);
      const bytes = built?.bytes ?? (await treeSize(temporary));
      await writeFile(join(temporary, 'size'), `${bytes}\n`);
      await failpoint('rootfs.sync');
      await syncFileSystem(temporary);
      await failpoint('rootfs.rename');
      // Something incomplete may lie there from outside; under the key's lock nobody else puts anything.
      await this.#discard(rootfs.path);
      await rename(temporary, rootfs.path);
      await syncDirectory(paths.rootfs);
      return rootfs;
    } catch (error) {
      await this.#discard(temporary).catch(() => {});
      throw await fileError(
        error,
        `cannot store the root file system ${key.slice(0, 12)}`,
        paths.rootfs,
      );
    }
  }

  /** Under the key's lock nobody else is building it: what is there was left by somebody who died. */
  async #discardUnfinished(key: string): Promise<void> {
    const { rootfs } = this.#context.paths;
    for (const name of await readdir(rootfs)) {
      if (name.startsWith(`.new.${key}.`)) await this.#discard(join(rootfs, name));
    }
  }

  /** Puts a tree into the trash and removes it as far as this process may; the next sweep does the rest. */
  async #discard(path: string): Promise<void> {
    const trash = await this.#toTrash(path);
    if (trash !== undefined) await removeOwnTree(trash).catch(() => {});
  }

  async #toTrash(path: string): Promise<string | undefined> {
    const trash = join(this.#context.paths.rootfs, `.trash.${randomName()}`);
    try {
      await rename(path, trash);
      return trash;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #at(parent: string, key: string): Rootfs {
    const path = join(parent, key);
    return { key, path, fs: join(path, 'fs'), index: join(path, 'index.jsonl') };
  }
}

async function readSize(path: string): Promise<number> {
  const text = await readFile(join(path, 'size'), 'utf8').catch(() => '');
  return /^\d+\n$/.test(text) ? Number(text) : treeSize(path);
}

function requireKey(key: string): string {
  if (keyPattern.test(key)) return key;
  throw new BuildError('INTERNAL', `not the key of a root file system: ${JSON.stringify(key)}`);
}
