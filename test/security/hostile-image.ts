/** Builder images that are a real one with something hostile about them, as OCI layouts. */

import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** JSON of which anything may be changed. */
// biome-ignore lint/suspicious/noExplicitAny: hostile documents have no type
export type Document = any;

/** A layer on top of the real ones: an archive, or a blob with what the manifest and config say of it. */
export interface HostileLayer {
  readonly blob: Buffer;
  readonly mediaType?: string;
  readonly diffId?: string;
  readonly algorithm?: 'sha512';
}

/** What is changed. */
export interface Hostility {
  readonly layers?: readonly (Buffer | HostileLayer)[];
  readonly config?: (config: Document) => void;
  readonly manifest?: (manifest: Document) => void;
}

const gzipType = 'application/vnd.oci.image.layer.v1.tar+gzip';

/** Digest of bytes as descriptors have it. */
export function digestOf(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Copies the layout of a real image, changed, to a new directory and returns its reference. */
export function makeHostile(original: string, directory: string, hostility: Hostility): string {
  cpSync(original, directory, { recursive: true });
  const index = readDocument(directory, 'index.json');
  const manifest = readDocument(directory, blobPath(index.manifests[0].digest));
  const config = readDocument(directory, blobPath(manifest.config.digest));
  for (const layer of hostility.layers ?? []) {
    const made = Buffer.isBuffer(layer)
      ? { blob: gzipSync(layer), diffId: digestOf(layer) }
      : layer;
    const { blob, mediaType = gzipType, diffId = digestOf(blob), algorithm }: HostileLayer = made;
    manifest.layers.push({ mediaType, ...store(directory, blob, algorithm) });
    config.rootfs.diff_ids.push(diffId);
    config.history.push({ created_by: 'hostile' });
  }
  hostility.config?.(config);
  const { mediaType } = manifest.config;
  manifest.config = { mediaType, ...store(directory, Buffer.from(JSON.stringify(config))) };
  hostility.manifest?.(manifest);
  const stored = store(directory, Buffer.from(JSON.stringify(manifest)));
  index.manifests[0] = { ...index.manifests[0], ...stored };
  writeFileSync(join(directory, 'index.json'), JSON.stringify(index));
  return `oci:${directory}:latest`;
}

/** Writes a blob and describes it. */
export function store(
  directory: string,
  bytes: Uint8Array,
  algorithm = 'sha256',
): { readonly digest: string; readonly size: number } {
  const digest = digestOf(bytes, algorithm);
  const path = join(directory, blobPath(digest));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return { digest, size: bytes.length };
}

/** Where a layout keeps a blob. */
export function blobPath(digest: string): string {
  return join('blobs', digest.replace(':', '/'));
}

function readDocument(directory: string, path: string): Document {
  return JSON.parse(readFileSync(join(directory, path), 'utf8'));
}
