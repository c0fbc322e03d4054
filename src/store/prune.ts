/**
 * Eviction: the store is a cache, and everything that no living lease names may go, least recently used
 * first.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheStore } from './caches.ts';
import type { StoreContext } from './context.ts';
import { fileError, type RemoveTree, removeOwnTree, unlinkIfAny } from './files.ts';
import { sweepIngest } from './ingest.ts';
import { leasedNames, sweepLeases, withGate } from './lease.ts';
import { listBlobs } from './listing.ts';
import { tryLock } from './lock.ts';
import type { Records } from './records.ts';
import type { RootfsStore } from './rootfs.ts';
import { sweepScratches } from './scratch.ts';

/** What to keep. With neither limit everything unused goes; with both, each of them is kept. */
export interface PruneOptions {
  /** Evicts until blobs, root file systems and caches take no more than this. */
  readonly keepBytes?: number | undefined;
  /** Evicts what was not used for this many milliseconds. */
  readonly olderThan?: number | undefined;
  /** Removes trees that may belong to subordinate ids; plain removal by default. */
  readonly removeTree?: RemoveTree | undefined;
}

/** What went and what stayed. */
export interface PruneReport {
  readonly removedBlobs: number;
  readonly removedRootfs: number;
  readonly removedCaches: number;
  readonly removedBytes: number;
  readonly keptBytes: number;
}

interface Candidate {
  /** As leases name it. */
  readonly name: string;
  readonly kind: 'blob' | 'rootfs' | 'cache';
  readonly bytes: number;
  readonly lastUsed: number;
  evict(): Promise<void>;
}

/** Parts of the store that eviction works on. */
export interface PruneParts {
  readonly rootfs: RootfsStore;
  readonly caches: CacheStore;
  readonly records: Records;
}

/** Evicts; see `Store.prune`. */
export async function prune(
  context: StoreContext,
  parts: PruneParts,
  options: PruneOptions,
): Promise<PruneReport> {
  const { olderThan, removeTree = removeOwnTree } = options;
  try {
    const candidates = await listCandidates(context, parts);
    const removed = await withGate(context, 'exclusive', async () => {
      const leased = await leasedNames(context);
      const victims = chooseVictims(candidates, leased, options, context.now());
      for (const victim of victims) await victim.evict();
      return victims;
    });
    await sweep(context, parts, removeTree);
    await emptyQuarantine(context, removeTree);
    if (olderThan !== undefined) await parts.records.removeOlderThan(context.now() - olderThan);
    else if (options.keepBytes === undefined) await parts.records.removeOlderThan(Infinity);
    await removeFreeLocks(context);
    return reportOf(candidates, removed);
  } catch (error) {
    throw await fileError(error, 'cannot prune the local store', context.paths.home);
  }
}

/** Removes what processes that were killed have left: leases, scratch directories, half-built trees, partial blobs. */
export async function sweep(
  context: StoreContext,
  { rootfs, caches }: Pick<PruneParts, 'rootfs' | 'caches'>,
  removeTree: RemoveTree,
): Promise<void> {
  if (context.readOnly) return;
  await sweepIngest(context.paths);
  await sweepLeases(context.paths);
  await sweepScratches(context, removeTree);
  await rootfs.sweep(removeTree);
  await caches.sweep(removeTree);
}

async function listCandidates(
  context: StoreContext,
  { rootfs, caches }: PruneParts,
): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = [];
  for await (const { digest, path, bytes, lastUsed } of listBlobs(context.paths)) {
    if (digest === undefined) continue;
    const evict = async () => {
      await context.failpoint('prune.unlink');
      await unlinkIfAny(path);
    };
    candidates.push({ name: digest, kind: 'blob', bytes, lastUsed, evict });
  }
  for (const { key, bytes, lastUsed } of await rootfs.list()) {
    candidates.push({ name: key, kind: 'rootfs', bytes, lastUsed, evict: () => rootfs.evict(key) });
  }
  for (const { key, bytes, lastUsed } of await caches.list()) {
    candidates.push({ name: key, kind: 'cache', bytes, lastUsed, evict: () => caches.evict(key) });
  }
  return candidates.toSorted((a, b) => a.lastUsed - b.lastUsed);
}

function chooseVictims(
  candidates: readonly Candidate[],
  leased: ReadonlySet<string>,
  { keepBytes, olderThan }: PruneOptions,
  now: number,
): readonly Candidate[] {
  const everything = keepBytes === undefined && olderThan === undefined;
  let total = sum(candidates);
  return candidates.filter((candidate) => {
    if (leased.has(candidate.name)) return false;
    const isOld = olderThan !== undefined && candidate.lastUsed < now - olderThan;
    const isTooMuch = keepBytes !== undefined && total > keepBytes;
    if (!everything && !isOld && !isTooMuch) return false;
    total -= candidate.bytes;
    return true;
  });
}

async function emptyQuarantine(context: StoreContext, removeTree: RemoveTree): Promise<void> {
  for (const name of await readdir(context.paths.quarantine)) {
    await removeTree(join(context.paths.quarantine, name));
  }
}

/** Lock files outlive holders that were killed. */
async function removeFreeLocks(context: StoreContext): Promise<void> {
  for (const name of await readdir(context.paths.locks)) {
    const lock = await tryLock(join(context.paths.locks, name));
    await lock?.remove();
  }
}

function reportOf(candidates: readonly Candidate[], removed: readonly Candidate[]): PruneReport {
  const removedBytes = sum(removed);
  const count = (kind: Candidate['kind']) => removed.filter((one) => one.kind === kind).length;
  return {
    removedBlobs: count('blob'),
    removedRootfs: count('rootfs'),
    removedCaches: count('cache'),
    removedBytes,
    keptBytes: sum(candidates) - removedBytes,
  };
}

function sum(candidates: readonly Candidate[]): number {
  return candidates.reduce((total, { bytes }) => total + bytes, 0);
}
