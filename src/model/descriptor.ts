/**
 * Content descriptors (OCI image-spec, descriptor.md): what a blob is, how long it is, what it hashes to.
 */

import { BuildError } from '../errors/index.ts';
import { algorithmOf, type Digest, digestOf, parseDigest } from './digest.ts';
import { isJsonObject, type Json, type JsonObject, refuseOtherSpelling } from './json.ts';
import { type Platform, parsePlatformObject } from './platform.ts';

/** A reference to content by type, size in bytes and digest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  /** Where a foreign layer may be downloaded from. */
  readonly urls?: readonly string[];
  /** The type of the artifact that a listed manifest holds. */
  readonly artifactType?: string;
  /** Base64 of the content itself, already verified against `digest` and `size`. */
  readonly data?: string;
}

const descriptorKeys = [
  ...['mediaType', 'digest', 'size', 'annotations', 'platform'],
  ...['urls', 'artifactType', 'data'],
];

/** The largest embedded `data` that is accepted, in bytes of base64. */
const maxData = 1024 * 1024;

/**
 * Reads one descriptor out of a parsed JSON document.
 *
 * @param what names the place in messages, such as `layer 3 of the manifest`
 * @throws BuildError `DESCRIPTOR_INVALID`, `DIGEST_INVALID`, `DIGEST_MISMATCH` (embedded data)
 */
export function parseDescriptor(json: Json | undefined, what: string): Descriptor {
  if (!isJsonObject(json))
    throw new BuildError('DESCRIPTOR_INVALID', `${what} is not a descriptor`);
  refuseOtherSpelling(json, descriptorKeys, what, 'DESCRIPTOR_INVALID');
  const { mediaType, artifactType } = json;
  if (typeof mediaType !== 'string' || mediaType === '') {
    throw new BuildError('DESCRIPTOR_INVALID', `${what} has no media type`);
  }
  if (artifactType !== undefined && typeof artifactType !== 'string') {
    throw new BuildError('DESCRIPTOR_INVALID', `${what} has an artifactType that is not a string`);
  }
  const descriptor: Descriptor = {
    mediaType,
    digest: parseDigest(json['digest']),
    size: parseSize(json['size'], what),
    ...optional('annotations', parseStringMap(json['annotations'], `annotations of ${what}`)),
    ...optional('platform', parsePlatformObject(json['platform'], what)),
    ...optional('urls', parseUrls(json['urls'], what)),
    ...optional('artifactType', artifactType),
  };
  const data = json['data'];
  return data === undefined || data === null
    ? descriptor
    : { ...descriptor, data: verifyData(descriptor, data, what) };
}

/** Describes bytes that are in memory. */
export function descriptorOf(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/**
 * Reads a map of strings such as annotations or labels; null and absent give undefined.
 * The result has no prototype, so a key such as `__proto__` is kept as data.
 *
 * @throws BuildError `DESCRIPTOR_INVALID`
 */
export function parseStringMap(
  json: Json | undefined,
  what: string,
): Record<string, string> | undefined {
  if (json === undefined || json === null) return undefined;
  if (!isJsonObject(json)) throw new BuildError('DESCRIPTOR_INVALID', `${what} is not a map`);
  const result: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(json)) {
    if (typeof value !== 'string')
      throw new BuildError('DESCRIPTOR_INVALID', `${what}: ${key} is not a string`);
    result[key] = value;
  }
  return result;
}

function parseSize(size: Json | undefined, what: string): number {
  if (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0) return size;
  throw new BuildError('DESCRIPTOR_INVALID', `${what} has no valid size: ${JSON.stringify(size)}`);
}

function parseUrls(urls: Json | undefined, what: string): readonly string[] | undefined {
  if (urls === undefined || urls === null) return undefined;
  if (Array.isArray(urls) && urls.every((url) => typeof url === 'string')) return urls;
  throw new BuildError('DESCRIPTOR_INVALID', `${what} has urls that are not a list of strings`);
}

function verifyData(descriptor: Descriptor, data: Json, what: string): string {
  if (typeof data !== 'string' || data.length > maxData) {
    throw new BuildError(
      'DESCRIPTOR_INVALID',
      `${what} has embedded data that is no base64 text of at most 1 MiB`,
    );
  }
  const bytes = Buffer.from(data, 'base64');
  const { digest, size } = descriptor;
  if (bytes.length !== size || digestOf(bytes, algorithmOf(digest)) !== digest) {
    throw new BuildError(
      'DIGEST_MISMATCH',
      `${what} has embedded data that is not what its digest says`,
    );
  }
  return data;
}

function optional<K extends string, V>(
  key: K,
  value: V | undefined,
): Partial<Record<K, V>> | JsonObject {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
