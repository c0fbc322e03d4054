/** The storage of the embedded registry: a directory that is consistent at every moment. */

import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { Blobs } from './blobs.ts';
import { ifPresent, removeFile, writeAtomically } from './files.ts';
import { Layout, layoutVersion } from './layout.ts';
import { Manifests, Tags } from './manifests.ts';
import { Uploads } from './uploads.ts';

export type { OpenedBlob } from './blobs.ts';
export { hasCode } from './files.ts';
export type { ManifestRecord } from './manifests.ts';

/** Everything that one registry keeps. */
export interface Storage {
  readonly blobs: Blobs;
  readonly manifests: Manifests;
  readonly tags: Tags;
  readonly uploads: Uploads;
  /** Drops what was abandoned before a time (milliseconds since the epoch): sessions and drafts. */
  expire(before: number): Promise<void>;
}

/** How a storage is opened. */
export interface StorageOptions {
  readonly directory: string;
  readonly readOnly: boolean;
  readonly durable: boolean;
}

/**
 * Opens the storage in a directory, creating it when needed (never when it is read-only).
 *
 * @throws BuildError `STORE_FORMAT_UNSUPPORTED` when the directory has a layout of another version
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const layout = new Layout(options.directory);
  const write = { temporary: layout.temporary, durable: options.durable };
  await checkFormat(layout);
  if (!options.readOnly) await prepare(layout);
  const blobs = new Blobs(layout);
  const uploads = new Uploads({ layout, blobs, durable: options.durable });
  return {
    blobs,
    manifests: new Manifests(layout, write),
    tags: new Tags(layout, write),
    uploads,
    expire: async (before) => {
      await uploads.expire(before);
      await expireDrafts(layout.temporary, before);
    },
  };
}

async function checkFormat(layout: Layout): Promise<void> {
  const found = (await ifPresent(readFile(layout.format, 'utf8')))?.trim();
  if (found === undefined || found === layoutVersion) return;
  throw new BuildError(
    'STORE_FORMAT_UNSUPPORTED',
    `${layout.root} holds registry data of another version: ${JSON.stringify(found.slice(0, 80))}`,
    { suggestion: 'use the release that wrote it, or another directory' },
  );
}

async function prepare(layout: Layout): Promise<void> {
  for (const path of [layout.temporary, layout.uploads]) await mkdir(path, { recursive: true });
  await writeAtomically(layout.format, `${layoutVersion}\n`, {
    temporary: layout.temporary,
    durable: false,
  });
}

async function expireDrafts(temporary: string, before: number): Promise<void> {
  for (const name of (await ifPresent(readdir(temporary))) ?? []) {
    const path = join(temporary, name);
    const written = (await ifPresent(stat(path)))?.mtimeMs;
    if (written !== undefined && written < before) await removeFile(path);
  }
}
