/** Looking at the store as a whole: whether everything in it is right, and what it takes. */

import { readdir, statfs } from 'node:fs/promises';
import type { BlobReader } from './blobs.ts';
import type { CacheStore } from './caches.ts';
import type { StoreContext } from './context.ts';
import { moveAside } from './files.ts';
import { sweepIngest } from './ingest.ts';
import { leasedNames, withGate } from './lease.ts';
import { listBlobs } from './listing.ts';
import type { RootfsStore } from './rootfs.ts';
import { treeSize } from './tree-size.ts';

/** One thing that was not right and was set aside. */
export interface DamagedEntry {
  /** The digest, the key of a root file system, or a path among the blobs that is no digest. */
  readonly name: string;
  readonly reason: string;
  /** Where it lies now; absent when it could not be moved (read-only store). */
  readonly movedTo?: string;
}

/** Says what is wrong with the stored root file system at a path; undefined when nothing is. */
export type CheckTree = (path: string) => Promise<string | undefined>;

/** Root file systems, and who can look into them. */
interface CheckedTrees {
  readonly store: RootfsStore;
  readonly checkTree: CheckTree | undefined;
}

/** What a verification found. */
export interface VerifyReport {
  readonly checkedBlobs: number;
  readonly checkedBytes: number;
  readonly checkedRootfs: number;
  readonly damaged: readonly DamagedEntry[];
}

/** How many things of a kind there are and what they take on the disk. */
export interface Usage {
  readonly count: number;
  readonly bytes: number;
}

/** What the state takes. */
export interface StoreUsage {
  readonly blobs: Usage;
  readonly rootfs: Usage;
  readonly caches: Usage;
  readonly builds: Usage;
  readonly quarantine: Usage;
  /** Results of steps in the build cache, and other hints; the layers of results are blobs. */
  readonly records: Usage;
  readonly freeBytes: number;
}

/** Hashes every blob again and sets aside what is not right; see `Store.verify`. */
export async function verify(
  context: StoreContext,
  reader: BlobReader,
  trees: CheckedTrees,
  signal?: AbortSignal,
): Promise<VerifyReport> {
  if (!context.readOnly) await sweepIngest(context.paths);
  const damaged: DamagedEntry[] = [];
  let checkedBlobs = 0;
  let checkedBytes = 0;
  for await (const { digest, path } of listBlobs(context.paths)) {
    signal?.throwIfAborted();
    if (digest === undefined) {
      damaged.push(await setAsideStray(context, path));
      continue;
    }
    const found = await reader.check(digest, true);
    if (found.state === 'damaged') damaged.push(entryOf(digest, found.reason, found.movedTo));
    if (found.state === 'good') {
      checkedBlobs += 1;
      checkedBytes += found.size;
    }
  }
  const { checked, problems } = await checkRootfs(context, trees, signal);
  damaged.push(...problems);
  return { checkedBlobs, checkedBytes, checkedRootfs: checked, damaged };
}

/** Measures the state; see `Store.df`. */
export async function measure(
  context: StoreContext,
  { rootfs, caches }: { readonly rootfs: RootfsStore; readonly caches: CacheStore },
): Promise<StoreUsage> {
  const { paths } = context;
  let blobs: Usage = { count: 0, bytes: 0 };
  for await (const { bytes } of listBlobs(paths)) {
    blobs = { count: blobs.count + 1, bytes: blobs.bytes + bytes };
  }
  const { bavail, bsize } = await statfs(paths.home);
  return {
    blobs,
    rootfs: usageOfAll(await rootfs.list()),
    caches: usageOfAll(await caches.list()),
    builds: await usageOf(paths.builds),
    quarantine: await usageOf(paths.quarantine),
    records: await usageOfFiles(paths.records),
    freeBytes: bavail * bsize,
  };
}

function usageOfAll(entries: readonly { readonly bytes: number }[]): Usage {
  return { count: entries.length, bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function usageOf(directory: string): Promise<Usage> {
  return { count: (await readdir(directory)).length, bytes: await treeSize(directory) };
}

async function usageOfFiles(directory: string): Promise<Usage> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return {
    count: entries.filter((entry) => entry.isFile()).length,
    bytes: await treeSize(directory),
  };
}

async function setAsideStray(context: StoreContext, path: string): Promise<DamagedEntry> {
  const movedTo = context.readOnly ? undefined : await moveAside(path, context.paths.quarantine);
  return entryOf(path, 'is not named by a digest', movedTo);
}

/** A listed tree that cannot be found lacks a part; nobody can be using it. A tree that is in use stays. */
async function checkRootfs(
  context: StoreContext,
  { store, checkTree }: CheckedTrees,
  signal: AbortSignal | undefined,
): Promise<{ readonly checked: number; readonly problems: readonly DamagedEntry[] }> {
  const problems: DamagedEntry[] = [];
  let checked = 0;
  for (const { key, path } of await store.list()) {
    signal?.throwIfAborted();
    const isWhole = (await store.find(key)) !== undefined;
    const problem = isWhole ? await checkTree?.(path) : 'is not complete';
    checked += isWhole && checkTree !== undefined ? 1 : 0;
    if (problem === undefined) continue;
    if (!context.readOnly)
      await withGate(context, 'exclusive', async () => {
        if (!(await leasedNames(context)).has(key)) await store.evict(key);
      });
    problems.push(entryOf(key, problem, undefined));
  }
  return { checked, problems };
}

function entryOf(name: string, reason: string, movedTo: string | undefined): DamagedEntry {
  return { name, reason, ...(movedTo === undefined ? {} : { movedTo }) };
}
