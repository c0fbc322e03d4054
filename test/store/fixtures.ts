/** What a build does to a store, over blobs that lie on the disk for any process to fetch. */

import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asBuildError } from '../../src/errors/index.ts';
import { type Descriptor, descriptorOf } from '../../src/model/index.ts';
import type { FetchOutcome, Store } from '../../src/store/index.ts';

/** A blob and the file with its content. */
export type FileBlob = Descriptor & { readonly path: string };

/** Blobs, the file that lists them, and the log of their downloads. */
export interface BlobList {
  readonly list: string;
  readonly log: string;
  readonly blobs: readonly FileBlob[];
}

/** A key as root file systems have. */
export const exampleKey = `${'ab'.repeat(32)}.single`;

/** Writes blobs of random content. */
export async function writeBlobs(dir: string, count: number, size: number): Promise<BlobList> {
  const blobs: FileBlob[] = [];
  for (let i = 0; i < count; i += 1) {
    const bytes = randomBytes(size + i);
    const path = join(dir, `blob-${i}`);
    await writeFile(path, bytes);
    blobs.push({ ...descriptorOf(bytes, 'application/octet-stream'), path });
  }
  const list = join(dir, 'list.json');
  await writeFile(list, JSON.stringify(blobs));
  await writeFile(join(dir, 'log'), '');
  return { list, log: join(dir, 'log'), blobs };
}

/** How often each blob was downloaded. */
export async function readDownloads(log: string): Promise<ReadonlyMap<string, number>> {
  const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '');
  return new Map(
    Object.entries(Object.groupBy(lines, (line) => line)).map(([digest, hits]) => [
      digest,
      hits?.length ?? 0,
    ]),
  );
}

/** Reads the list that {@link writeBlobs} wrote. */
export async function readList(path: string): Promise<readonly FileBlob[]> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** Fetches blobs at the same time; each download leaves a line in the log. */
export function fetchAll(
  store: Store,
  blobs: readonly FileBlob[],
  log: string,
): Promise<readonly FetchOutcome[]> {
  const fetches = blobs.map((blob) =>
    store.fetch(blob, {
      open: async () => {
        await appendFile(log, `${blob.digest}\n`).catch((error: unknown) => {
          throw asBuildError(error);
        });
        await sleep(20);
        return createReadStream(blob.path, { highWaterMark: 64 * 1024 });
      },
    }),
  );
  return Promise.all(fetches);
}

/** Does everything a build does to a store. */
export async function useAsBuild(
  store: Store,
  blobs: readonly FileBlob[],
  log: string,
  key: string,
): Promise<void> {
  await using lease = await store.acquireLease();
  await using _ = await store.createScratch();
  await lease.add([key, ...blobs.map(({ digest }) => digest)]);
  await fetchAll(store, blobs, log);
  await store.rootfs.create(key, buildTree);
  await store.records.write('seen', key, true);
}

async function buildTree(directory: string): Promise<void> {
  await mkdir(join(directory, 'fs', 'etc'), { recursive: true });
  await writeFile(join(directory, 'fs', 'etc', 'motd'), 'hello\n');
  await writeFile(join(directory, 'index.jsonl'), '{"path":"etc/motd"}\n');
}
