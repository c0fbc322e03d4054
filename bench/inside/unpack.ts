/**
 * Unpacks the image of an OCI layout as the agent does: `node unpack.ts LAYOUT TARGET`. The compiled code does the
 * work; run it as the root of a user namespace.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Compression, Digest } from '../../src/model/index.ts';

const [, , layout = '', target = ''] = process.argv;
const compiled = new URL('../../dist/layer/index.js', import.meta.url).href;
const { unpackLayers } = (await import(compiled)) as typeof import('../../src/layer/index.ts');

/** A descriptor as manifests have it. */
interface Part {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
}

function pathOf({ digest }: Part): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

function read<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

const index = read<{ manifests: readonly [Part] }>(join(layout, 'index.json'));
const manifest = read<{ config: Part; layers: readonly Part[] }>(pathOf(index.manifests[0]));
const config = read<{ rootfs: { diff_ids: readonly Digest[] } }>(pathOf(manifest.config));
const layers = manifest.layers.map((part, i) => ({
  path: pathOf(part),
  size: part.size,
  compression: (/\+(gzip|zstd)$/.exec(part.mediaType)?.[1] ?? 'none') as Compression,
  diffId: config.rootfs.diff_ids[i] as Digest,
}));
await unpackLayers({ layers, target, idMapping: 'full' });
