/**
 * Directories that scripts keep between builds (`--cache`, `RUN --mount=type=cache`): what package managers
 * downloaded. Nothing of them is in an image; losing one costs time only.
 *
 * A cache is named by the digest of all that makes it one: its id, its owner and the id mapping. Who uses one
 * names it in a lease first, so that it is not evicted. `.trash.<random>` waits to be removed.
 */

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import type { StoreContext } from './context.ts';
import { fileError, lstatIfAny, type RemoveTree, randomName } from './files.ts';
import { acquireLease, type Lease } from './lease.ts';
import { acquireLock, type KernelLock, type OnWait, tryLock, withLock } from './lock.ts';
import { treeSize } from './tree-size.ts';

/** What several builds that want the same cache at once do: use it together, take one each, or wait. */
export type CacheSharing = 'shared' | 'private' | 'locked';

/** Which cache is wanted. */
export interface CacheRequest {
  /** The name that people gave it. */
  readonly id: string;
  /** Owner and mode of a new one; caches of other owners are others. Absent when they are those of the seed. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly mode?: number;
  /** Names what a new one begins with; caches that began with something else are others. */
  readonly seed?: string;
  /** The id mapping, which decides what owners look like on the disk. */
  readonly mapping: string;
  readonly sharing: CacheSharing;
}

/** A cache in use. Disposing gives it back. */
export interface OpenCache extends AsyncDisposable {
  /** The directory that scripts see. */
  readonly path: string;
}

/** A cache in a listing. */
export interface CacheEntry {
  /** As leases name it. */
  readonly key: string;
  readonly id: string;
  /** What it takes on the disk, as far as this process may look. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsed: number;
}

/** Gives a new directory its owner before anybody else sees it. */
export type PrepareCache = (path: string) => Promise<void>;

/** How to wait for a cache that others use. */
export interface CacheWait {
  readonly signal?: AbortSignal | undefined;
  readonly onWait?: OnWait | undefined;
}

const keyPattern = /^cache-[0-9a-f]{64}(?:-\d{1,4})?$/;
const unfinishedPattern = /^\.new\.(cache-.+)\.[0-9a-f]{16}$/;

/** How many copies of one private cache there may be. */
const maxCopies = 1000;

/** The caches of one store. */
export class CacheStore {
  readonly #context: StoreContext;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /**
   * Opens a cache, making it when there is none. It stays while it is open.
   *
   * @throws BuildError `LOCK_TIMEOUT`, `NO_SPACE`, `PERMISSION_DENIED`, `IO_FAILED`; the signal's reason
   */
  async open(
    request: CacheRequest,
    prepare: PrepareCache,
    wait: CacheWait = {},
  ): Promise<OpenCache> {
    const lease = await acquireLease(this.#context);
    try {
      const make = (key: string) => this.#make(key, request.id, prepare);
      const { key, lock } = await this.#take(request, lease, make, wait);
      const directory = join(this.#context.paths.caches, key);
      const now = this.#context.now() / 1000;
      await utimes(directory, now, now).catch(() => {}); // only eviction order depends on it
      const close = async () => {
        lock.release();
        await lease.release();
      };
      return { path: join(directory, 'data'), [Symbol.asyncDispose]: close };
    } catch (error) {
      await lease.release();
      throw await fileError(
        error,
        `cannot open the cache ${displayText(request.id)}`,
        this.#context.paths.caches,
      );
    }
  }

  /** Lists the caches. */
  async list(): Promise<readonly CacheEntry[]> {
    const { caches } = this.#context.paths;
    const entries: CacheEntry[] = [];
    for (const key of await readdir(caches)) {
      const path = join(caches, key);
      const found = keyPattern.test(key) ? await lstatIfAny(path) : undefined;
      if (found === undefined) continue;
      const id = await readFile(join(path, 'id'), 'utf8').catch(() => '');
      entries.push({ key, id, bytes: await treeSize(path), lastUsed: found.mtimeMs });
    }
    return entries;
  }

  /** Takes a cache out of sight, to be removed by {@link sweep}. Call it inside the gate. */
  async evict(key: string): Promise<void> {
    const { caches } = this.#context.paths;
    await rename(join(caches, key), join(caches, `.trash.${randomName()}`));
  }

  /** Removes what evictions and dead makers left. */
  async sweep(removeTree: RemoveTree): Promise<void> {
    const { caches } = this.#context.paths;
    for (const name of await readdir(caches)) {
      if (name.startsWith('.trash.')) await removeTree(join(caches, name));
      const key = unfinishedPattern.exec(name)?.[1];
      const lock = key === undefined ? undefined : await tryLock(this.#lock(key));
      if (lock === undefined) continue;
      await removeTree(join(caches, name));
      await lock.remove();
    }
  }

  /** Names the cache in the lease, makes sure that it is there, and locks it as is wanted. */
  async #take(
    request: CacheRequest,
    lease: Lease,
    make: (key: string) => Promise<void>,
    wait: CacheWait,
  ): Promise<{ readonly key: string; readonly lock: KernelLock }> {
    const key = keyOf(request);
    await lease.add([key]);
    const what = `the cache ${displayText(request.id)}`;
    const options = { ...wait, what, timeoutMs: this.#context.lockTimeoutMs };
    if (request.sharing === 'private') return this.#takeCopy(key, lease, make);
    if (request.sharing === 'shared') {
      if (!(await this.#has(key))) await withLock(this.#lock(key), options, () => make(key));
      return { key, lock: await acquireLock(this.#lock(key), { ...options, mode: 'shared' }) };
    }
    return makeUnder(await acquireLock(this.#lock(key), options), key, make);
  }

  async #takeCopy(first: string, lease: Lease, make: (key: string) => Promise<void>) {
    for (let copy = 0; copy < maxCopies; copy += 1) {
      const key = copy === 0 ? first : `${first}-${copy}`;
      await lease.add([key]);
      const lock = await tryLock(this.#lock(key));
      if (lock !== undefined) return makeUnder(lock, key, make);
    }
    throw new BuildError('LIMIT_EXCEEDED', `more than ${maxCopies} builds use one private cache`);
  }

  /** Makes a cache unless it is there; needs its lock. */
  async #make(key: string, id: string, prepare: PrepareCache): Promise<void> {
    if (await this.#has(key)) return;
    const { caches } = this.#context.paths;
    const temporary = join(caches, `.new.${key}.${randomName()}`);
    await mkdir(join(temporary, 'data'), { recursive: true });
    await writeFile(join(temporary, 'id'), id);
    await prepare(join(temporary, 'data'));
    await rename(temporary, join(caches, key));
  }

  async #has(key: string): Promise<boolean> {
    return (await lstatIfAny(join(this.#context.paths.caches, key))) !== undefined;
  }

  #lock(key: string): string {
    return join(this.#context.paths.locks, key);
  }
}

async function makeUnder(
  lock: KernelLock,
  key: string,
  make: (key: string) => Promise<void>,
): Promise<{ readonly key: string; readonly lock: KernelLock }> {
  try {
    await make(key);
    return { key, lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** JSON keeps the parts apart, so that no two requests have one text. */
function keyOf({ id, owner, mode, mapping, seed }: CacheRequest): string {
  const parts = [id, owner?.uid, owner?.gid, mode, mapping];
  const text = JSON.stringify(seed === undefined ? parts : [...parts, seed]);
  return `cache-${createHash('sha256').update(text).digest('hex')}`;
}
