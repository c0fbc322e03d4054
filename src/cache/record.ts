/**
 * Cache records: under a key, the layer that a step made (or that it made none) and what else its result is.
 *
 * Records are hints from a disk or a registry: one that cannot be read is none.
 */

import { BuildError } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  isDigest,
  isJsonObject,
  type Json,
  layerCompression,
  parseDescriptor,
} from '../model/index.ts';

/** A layer that a step made. */
export interface CachedLayer {
  /** Media type, digest and size of the compressed blob. */
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
}

/** The result of a step. */
export interface CacheResult {
  /** Absent when the step changed no file. */
  readonly layer?: CachedLayer;
  /** What else the step gave, as its owner wrote it; to be parsed as data from outside. */
  readonly facts: Json;
}

/** A result under its key. */
export interface CacheRecord extends CacheResult {
  readonly key: Digest;
  /** The kind of step, for people. */
  readonly kind: string;
}

/** Writes a record as JSON; {@link parseRecord} reads it. */
export function formatRecord({ key, kind, layer, facts }: CacheRecord): Json {
  if (layer === undefined) return { key, kind, facts };
  const { mediaType, digest, size } = layer.descriptor;
  return { key, kind, layer: { mediaType, digest, size, diffId: layer.diffId }, facts };
}

/** Reads a record; undefined for anything that is none. */
export function parseRecord(json: Json | undefined): CacheRecord | undefined {
  if (!isJsonObject(json)) return undefined;
  const { key, kind, layer, facts = null } = json;
  if (!isDigest(key) || typeof kind !== 'string') return undefined;
  if (layer === undefined) return { key, kind, facts };
  const parsed = parseLayer(layer);
  return parsed === undefined ? undefined : { key, kind, layer: parsed, facts };
}

function parseLayer(json: Json): CachedLayer | undefined {
  try {
    const { mediaType, digest, size } = parseDescriptor(json, 'a cached layer');
    const diffId = isJsonObject(json) ? json['diffId'] : undefined;
    if (!isDigest(diffId) || layerCompression(mediaType) === undefined) return undefined;
    return { descriptor: { mediaType, digest, size }, diffId };
  } catch (error) {
    if (error instanceof BuildError) return undefined;
    throw error;
  }
}
