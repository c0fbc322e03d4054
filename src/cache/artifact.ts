/**
 * A cache in a registry (or a layout): one artifact under one name. Its layers are the cached layers, so that the
 * registry keeps them; its config is the list of records.
 *
 * Writers merge with what is there; of two that write at once the last one stands, and what the other had is a miss.
 */

import { type BlobSource, bytesSource, readAll } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import type { ImageDestination, ImageSource } from '../image/index.ts';
import {
  composeManifest,
  type Descriptor,
  descriptorOf,
  type Json,
  type Manifest,
  parseJsonObject,
  parseManifest,
} from '../model/index.ts';
import { type CacheRecord, formatRecord, parseRecord } from './record.ts';

const artifactType = 'application/vnd.s2oci.cache.v1';
const recordsType = 'application/vnd.s2oci.cache.records.v1+json';

/** Bytes of records that are read. */
const maxRecordsSize = 16 * 1024 * 1024;

/** The records, and so the layers, that one artifact holds; the oldest go. */
const maxRecords = 400;

/**
 * Reads the records of a cache, newest first.
 *
 * @throws BuildError `IMAGE_NOT_FOUND` when nothing is there, `MEDIA_TYPE_UNSUPPORTED` when it is no cache,
 * `MANIFEST_INVALID`, `LIMIT_EXCEEDED` and the errors of the transport
 */
export async function readCacheArtifact(
  source: ImageSource,
  signal: AbortSignal,
): Promise<readonly CacheRecord[]> {
  const descriptor = await source.resolve(signal);
  const bytes = await source.readManifest(descriptor, signal);
  const manifest = parseManifest(bytes, descriptor.mediaType, source.name);
  if (manifest.kind === 'index' || manifest.artifactType !== artifactType)
    throw new BuildError('MEDIA_TYPE_UNSUPPORTED', `${source.name} is no cache of s2oci`, {
      suggestion: 'give the cache a name of its own, such as registry.example.com/apps/cache',
    });
  const { config } = manifest;
  if (config.size > maxRecordsSize)
    throw new BuildError(
      'LIMIT_EXCEEDED',
      `the records of ${source.name} are larger than ${maxRecordsSize} bytes`,
    );
  const content = await readAll(await source.open(config, signal), maxRecordsSize);
  const { records } = parseJsonObject(content, `cache ${source.name}`, 'MANIFEST_INVALID');
  const named = new Set(manifest.layers.map(({ digest }) => digest));
  return (Array.isArray(records) ? records : [])
    .slice(0, maxRecords)
    .map((record: Json) => parseRecord(record))
    .filter((record) => record !== undefined)
    .filter(({ layer }) => layer === undefined || named.has(layer.descriptor.digest));
}

/** A layer that goes into a cache, and where its bytes are. */
export interface NewCacheRecord {
  readonly record: CacheRecord;
  readonly layers: BlobSource;
  /** Where the layer may be already, from which it can be mounted. */
  readonly near?: ImageSource;
}

/**
 * Adds records to a cache. Nothing is sent when all of them are there; no layer is sent that is there.
 *
 * @param before the records that are there now
 * @returns whether anything was written
 */
export async function writeCacheArtifact(
  destination: ImageDestination,
  fresh: readonly NewCacheRecord[],
  before: readonly CacheRecord[],
  signal: AbortSignal,
): Promise<boolean> {
  const known = new Map(before.map((record) => [record.key, JSON.stringify(formatRecord(record))]));
  const added = fresh.filter(
    ({ record }) => known.get(record.key) !== JSON.stringify(formatRecord(record)),
  );
  if (added.length === 0) return false;
  const replaced = new Set(added.map(({ record }) => record.key));
  const records = [
    ...added.map(({ record }) => record),
    ...before.filter(({ key }) => !replaced.has(key)),
  ].slice(0, maxRecords);
  for (const { record, layers, near } of added) {
    const layer = record.layer?.descriptor;
    if (layer === undefined) continue;
    const mountFrom = near === undefined ? undefined : destination.mountableFrom(near);
    await destination.put(layer, (abort) => layers.open(layer, abort), {
      signal,
      ...(mountFrom === undefined ? {} : { mountFrom }),
    });
  }
  const { manifest, config } = compose(records);
  await destination.put(manifest.config, (abort) => config.open(manifest.config, abort), {
    signal,
  });
  await destination.putManifest(manifest.raw, manifest.mediaType, { tag: true, signal });
  return true;
}

function compose(records: readonly CacheRecord[]): { manifest: Manifest; config: BlobSource } {
  const bytes = Buffer.from(JSON.stringify({ records: records.map(formatRecord) }));
  const layers = new Map<string, Descriptor>();
  for (const { layer } of records)
    if (layer !== undefined) layers.set(layer.descriptor.digest, layer.descriptor);
  const config = descriptorOf(bytes, recordsType);
  const body = { artifactType, config, layers: [...layers.values()] };
  return { manifest: composeManifest(body, 'oci'), config: bytesSource(bytes) };
}
