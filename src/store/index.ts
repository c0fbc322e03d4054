/** The local content-addressed store: blobs, root file systems, leases, scratch directories, records. */
export type { CacheEntry, CacheRequest, CacheSharing, CacheStore, OpenCache } from './caches.ts';
export type { Failpoint } from './failpoint.ts';
export { noFailpoint, parseFailpoints } from './failpoint.ts';
export type { FetchOptions, FetchOutcome, IngestOptions } from './fetch.ts';
export type { AtomicOptions, RemoveTree } from './files.ts';
export {
  fileError,
  makeDirectories,
  openRegularFile,
  randomName,
  removeOwnTree,
  syncDirectory,
  writeAtomically,
} from './files.ts';
export type { IngestPlace, Written } from './ingest.ts';
export { BlobWriter, sweepIngest } from './ingest.ts';
export type { CheckTree, DamagedEntry, StoreUsage, Usage, VerifyReport } from './inspect.ts';
export type { Lease } from './lease.ts';
export type { LockMode, LockOptions, OnWait } from './lock.ts';
export { acquireLock, KernelLock, tryLock, withLock } from './lock.ts';
export { formatVersion, StorePaths } from './paths.ts';
export type { PruneOptions, PruneReport } from './prune.ts';
export type { Records } from './records.ts';
export { Replacement } from './replacement.ts';
export type { BuildRootfs, Rootfs, RootfsEntry, RootfsStore } from './rootfs.ts';
export { rootfsKey } from './rootfs.ts';
export type { Scratch } from './scratch.ts';
export { openStore, Store, type StoreDeps } from './store.ts';
