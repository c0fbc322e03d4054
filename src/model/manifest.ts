/**
 * Image manifests and indexes (OCI image-spec, manifest.md and image-index.md; Docker schema 2).
 *
 * A document is either a manifest or an index, never both: what looks like both is rejected, because
 * two readers would see two images (CVE-2021-41190). Parsed values keep `raw`, the exact bytes, since
 * those bytes are what digests name.
 */

import { BuildError } from '../errors/index.ts';
import { type Descriptor, parseDescriptor, parseStringMap } from './descriptor.ts';
import { type Json, type JsonObject, parseJsonObject, refuseOtherSpelling } from './json.ts';
import {
  bareMediaType,
  isIndexType,
  isManifestType,
  isSchema1Type,
  type MediaTypeFamily,
  mediaTypes,
} from './media-type.ts';

/** The most bytes of a manifest or index that are read. */
export const maxManifestSize = 4 * 1024 * 1024;

const maxLayers = 500;
const maxIndexEntries = 1000;

/** An image manifest: one config and its layers, bottom first. */
export interface Manifest {
  readonly kind: 'manifest';
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The exact bytes that were parsed or that are to be pushed. */
  readonly raw: Uint8Array;
}

/** An image index: manifests for several platforms, or further indexes. */
export interface Index {
  readonly kind: 'index';
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly artifactType?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly raw: Uint8Array;
}

/**
 * Parses a manifest or index.
 *
 * @param contentType the media type under which it came, when the transport has one; must agree with the document
 * @param what names the document in messages
 * @throws BuildError `MANIFEST_INVALID`, `MEDIA_TYPE_UNSUPPORTED` (Docker schema 1 and unknown kinds),
 * `DESCRIPTOR_INVALID`, `DIGEST_INVALID`, `LIMIT_EXCEEDED`
 */
export function parseManifest(
  raw: Uint8Array,
  contentType: string | undefined,
  what: string,
): Manifest | Index {
  if (raw.length > maxManifestSize) {
    throw new BuildError('LIMIT_EXCEEDED', `${what} is larger than ${maxManifestSize} bytes`);
  }
  const json = parseJsonObject(raw, what, 'MANIFEST_INVALID');
  const mediaType = documentType(json, contentType, what);
  rejectAmbiguity(json, mediaType, what);
  if (json['schemaVersion'] !== 2)
    throw new BuildError('MANIFEST_INVALID', `${what} has no schemaVersion 2`);
  return isIndexType(mediaType)
    ? indexFrom(json, mediaType, raw, what)
    : manifestFrom(json, mediaType, raw, what);
}

/** Returns the family that a manifest or index belongs to. */
export function familyOf(mediaType: string): MediaTypeFamily {
  return mediaType.startsWith('application/vnd.docker.') ? 'docker' : 'oci';
}

/** Describes a manifest or index by its exact bytes. */
export type ManifestBody = Pick<
  Manifest,
  'config' | 'layers' | 'artifactType' | 'subject' | 'annotations'
>;

/** Serialises a new manifest; the same input always gives the same bytes. */
export function composeManifest(body: ManifestBody, family: MediaTypeFamily): Manifest {
  const mediaType = family === 'docker' ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const document = {
    schemaVersion: 2,
    mediaType,
    ...(body.artifactType === undefined ? {} : { artifactType: body.artifactType }),
    config: body.config,
    layers: body.layers,
    ...(body.subject === undefined ? {} : { subject: body.subject }),
    ...(body.annotations === undefined ? {} : { annotations: body.annotations }),
  };
  return { kind: 'manifest', mediaType, ...body, raw: Buffer.from(JSON.stringify(document)) };
}

/** Serialises a new index; the same input always gives the same bytes. */
export function composeIndex(
  manifests: readonly Descriptor[],
  extra: Pick<Index, 'artifactType' | 'subject' | 'annotations'> = {},
): Index {
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests, ...extra };
  return {
    kind: 'index',
    mediaType: mediaTypes.ociIndex,
    manifests,
    ...extra,
    raw: Buffer.from(JSON.stringify(document)),
  };
}

function documentType(json: JsonObject, contentType: string | undefined, what: string): string {
  const declared = json['mediaType'];
  if (declared !== undefined && typeof declared !== 'string') {
    throw new BuildError('MANIFEST_INVALID', `${what} has a mediaType that is not a string`);
  }
  const outer = contentType === undefined ? undefined : bareMediaType(contentType);
  if (json['schemaVersion'] === 1 || (outer !== undefined && isSchema1Type(outer))) {
    throw new BuildError(
      'MEDIA_TYPE_UNSUPPORTED',
      `${what} is a Docker schema 1 manifest, which has no verifiable layers`,
      {
        suggestion: 'push the image again with a current tool; schema 1 was replaced in 2015',
      },
    );
  }
  const known =
    outer !== undefined && (isManifestType(outer) || isIndexType(outer)) ? outer : undefined;
  if (declared !== undefined && known !== undefined && declared !== known) {
    throw new BuildError('MANIFEST_INVALID', `${what} came as ${known} but says it is ${declared}`);
  }
  const mediaType =
    declared ??
    known ??
    (json['manifests'] === undefined ? mediaTypes.ociManifest : mediaTypes.ociIndex);
  if (isManifestType(mediaType) || isIndexType(mediaType)) return mediaType;
  throw new BuildError('MEDIA_TYPE_UNSUPPORTED', `${what} is of the unknown type ${mediaType}`);
}

const meaningfulKeys = [
  ...['schemaVersion', 'mediaType', 'config', 'layers', 'manifests'],
  ...['subject', 'artifactType', 'annotations'],
];

function rejectAmbiguity(json: JsonObject, mediaType: string, what: string): void {
  refuseOtherSpelling(json, meaningfulKeys, what, 'MANIFEST_INVALID');
  const isIndex = isIndexType(mediaType);
  const foreign = isIndex ? ['config', 'layers'] : ['manifests'];
  for (const key of [...foreign, 'fsLayers']) {
    if (json[key] !== undefined) {
      throw new BuildError(
        'MANIFEST_INVALID',
        `${what} is ambiguous: ${isIndex ? 'an index' : 'a manifest'} with ${key}`,
      );
    }
  }
}

function manifestFrom(
  json: JsonObject,
  mediaType: string,
  raw: Uint8Array,
  what: string,
): Manifest {
  const layers = listOf(json['layers'], 'layers', maxLayers, what);
  return {
    kind: 'manifest',
    mediaType,
    config: parseDescriptor(json['config'], `config of ${what}`),
    layers: layers.map((layer, i) => parseDescriptor(layer, `layer ${i + 1} of ${what}`)),
    ...commonFields(json, what),
    raw,
  };
}

function indexFrom(json: JsonObject, mediaType: string, raw: Uint8Array, what: string): Index {
  const manifests = listOf(json['manifests'], 'manifests', maxIndexEntries, what);
  return {
    kind: 'index',
    mediaType,
    manifests: manifests.map((entry, i) => parseDescriptor(entry, `entry ${i + 1} of ${what}`)),
    ...commonFields(json, what),
    raw,
  };
}

function commonFields(
  json: JsonObject,
  what: string,
): Pick<Manifest, 'artifactType' | 'subject' | 'annotations'> {
  const artifactType = json['artifactType'];
  const subject = json['subject'];
  const annotations = parseStringMap(json['annotations'], `annotations of ${what}`);
  return {
    ...(typeof artifactType === 'string' && artifactType !== '' ? { artifactType } : {}),
    ...(subject === undefined || subject === null
      ? {}
      : { subject: parseDescriptor(subject, `subject of ${what}`) }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function listOf(
  value: Json | undefined,
  key: string,
  limit: number,
  what: string,
): readonly Json[] {
  if (!Array.isArray(value))
    throw new BuildError('MANIFEST_INVALID', `${what} has no list of ${key}`);
  if (value.length > limit) {
    throw new BuildError(
      'LIMIT_EXCEEDED',
      `${what} has ${value.length} ${key}; at most ${limit} are accepted`,
    );
  }
  return value;
}
