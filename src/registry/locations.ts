/**
 * A port through which a client remembers, between runs, in which repositories blobs were seen, so that
 * they can be mounted instead of uploaded.
 */

import type { Digest } from '../model/index.ts';

/** Knows where blobs were seen. */
export interface BlobLocations {
  /** Repositories of a registry that had the blob, most recent first; may be out of date. */
  find(registry: string, digest: Digest): Promise<readonly string[]>;
  /** Notes that a repository has a blob. Must not fail. */
  record(registry: string, repository: string, digest: Digest): Promise<void>;
}

/** Remembers within one process. */
export function memoryLocations(): BlobLocations {
  const seen = new Map<string, string[]>();
  return {
    find: async (registry, digest) => seen.get(`${registry} ${digest}`) ?? [],
    record: async (registry, repository, digest) => {
      const key = `${registry} ${digest}`;
      const others = (seen.get(key) ?? []).filter((name) => name !== repository);
      seen.set(key, [repository, ...others].slice(0, 10));
    },
  };
}

/** Orders mount sources: those that share most of their path with the target come first. */
export function byNearness(target: string, sources: readonly string[]): readonly string[] {
  const parts = target.split('/');
  const shared = (name: string): number => {
    const others = name.split('/');
    const end = parts.findIndex((part, i) => part !== others[i]);
    return end === -1 ? parts.length : end;
  };
  return sources.toSorted((a, b) => shared(b) - shared(a));
}
