/** The build cache: results of steps by the content of their inputs, on this machine and in registries. */
export {
  BuildCache,
  type CacheDeps,
  type CacheHit,
  type CacheMiss,
  type CacheOptions,
} from './cache.ts';
export { type CacheInput, type CacheStep, cacheKeyOf } from './key.ts';
export { type CacheExport, type CacheMode, parseCacheExport, parseCacheImport } from './place.ts';
export type { CachedLayer, CacheResult } from './record.ts';
