/**
 * Makes a new image from an existing one: one more layer, a changed execution config, one more line of
 * history. Everything else of the parent's config survives as it was (OCI image-spec, config.md).
 */

import { BuildError } from '../errors/index.ts';
import {
  type Compression,
  composeManifest,
  type Descriptor,
  type Digest,
  descriptorOf,
  type ExecutionChanges,
  familyOf,
  type HistoryEntry,
  type ImageConfig,
  isJsonObject,
  type Json,
  type JsonObject,
  layerCompression,
  layerMediaType,
  type Manifest,
  type MediaTypeFamily,
  mediaTypes,
} from '../model/index.ts';

/** A layer that was written to the store. */
export interface NewLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
  readonly compression: Compression;
}

/** What distinguishes the new image from its parent. */
export interface ImageChange {
  /** Absent when nothing changed on disk. */
  readonly layer?: NewLayer;
  /** `created_by` and `comment` of the new history entry. */
  readonly history: Pick<HistoryEntry, 'created_by' | 'comment'>;
  readonly execution: ExecutionChanges;
  /** RFC 3339 time for config and history. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest with the config bytes that it refers to. */
export interface ComposedImage {
  readonly manifest: Manifest;
  readonly configBytes: Uint8Array;
}

/**
 * Composes the child image. Pure: the same parent and change always give the same bytes.
 *
 * The child keeps the parent's family of media types, except that a zstd layer makes all of it OCI.
 *
 * @throws BuildError `IMAGE_CONFIG_INVALID` when the parent's layers and diffIDs do not agree
 */
export function composeImage(
  parent: { readonly manifest: Manifest; readonly config: ImageConfig },
  change: ImageChange,
): ComposedImage {
  const { manifest, config } = parent;
  if (manifest.layers.length !== config.diffIds.length) {
    throw new BuildError(
      'IMAGE_CONFIG_INVALID',
      `the builder image has ${manifest.layers.length} layers but its config names ${config.diffIds.length}`,
      { origin: 'builder' },
    );
  }
  const { layer, annotations } = change;
  return assembleImage({
    layers: [...manifest.layers, ...(layer === undefined ? [] : [layerDescriptor(layer)])],
    document: childConfig(config, change),
    family: familyOf(manifest.mediaType),
    ...(annotations === undefined ? {} : { annotations }),
  });
}

/** What an image is made of. */
export interface ImageParts {
  readonly layers: readonly Descriptor[];
  /** The whole image config. */
  readonly document: JsonObject;
  /** The family of media types, unless a zstd layer makes all of it OCI. */
  readonly family: MediaTypeFamily;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Makes config and manifest. Pure: the same parts always give the same bytes. */
export function assembleImage({ layers, document, ...parts }: ImageParts): ComposedImage {
  const hasZstd = layers.some(({ mediaType }) => layerCompression(mediaType) === 'zstd');
  const family = hasZstd ? 'oci' : parts.family;
  const configBytes = Buffer.from(JSON.stringify(document));
  const body = {
    config: descriptorOf(
      configBytes,
      family === 'docker' ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
    ),
    layers: layers.map((layer) => inFamily(layer, family)),
    ...(parts.annotations === undefined || family === 'docker'
      ? {}
      : { annotations: parts.annotations }),
  };
  return { manifest: composeManifest(body, family), configBytes };
}

/** Returns the descriptor of a layer of the store, of the OCI family. */
export function layerDescriptor({ digest, size, compression }: NewLayer): Descriptor {
  return { mediaType: layerMediaType(compression, 'oci'), digest, size };
}

/** Gives a layer descriptor the media type of another family; the bytes it names are the same. */
function inFamily(layer: Descriptor, family: MediaTypeFamily): Descriptor {
  const compression = layerCompression(layer.mediaType);
  if (compression === undefined || familyOf(layer.mediaType) === family) return layer;
  return { ...layer, mediaType: layerMediaType(compression, family) };
}

function childConfig(parent: ImageConfig, change: ImageChange): JsonObject {
  const execution = isJsonObject(parent.document['config']) ? parent.document['config'] : {};
  const entry = {
    created: change.created,
    ...change.history,
    ...(change.layer === undefined ? { empty_layer: true } : {}),
  };
  const { container_config: _, container: __, ...document } = parent.document;
  return {
    ...document,
    created: change.created,
    config: merged(execution, change.execution),
    rootfs: {
      type: 'layers',
      diff_ids:
        change.layer === undefined ? parent.diffIds : [...parent.diffIds, change.layer.diffId],
    },
    history: [...completeHistory(parent), entry] as unknown as Json,
  };
}

function merged(execution: JsonObject, changes: ExecutionChanges): JsonObject {
  const result: Record<string, Json> = { ...execution };
  for (const [key, value] of Object.entries(changes)) if (value !== undefined) result[key] = value;
  return result;
}

/**
 * Returns the history with one entry for each layer. Some builders leave history out or incomplete; tools that read it expect one entry for each layer, so
 * the missing ones are put in front.
 */
export function completeHistory(config: ImageConfig): readonly HistoryEntry[] {
  const told = config.history.filter((entry) => entry.empty_layer !== true).length;
  const missing = Math.max(0, config.diffIds.length - told);
  const filler: HistoryEntry = { created_by: 'layer without history' };
  return [...Array.from({ length: missing }, () => filler), ...config.history];
}
