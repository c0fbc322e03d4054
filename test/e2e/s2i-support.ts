/** What the tests of the S2I contract share: sources and looks into the layouts that builds write. */

import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import type { Workbench } from './support.ts';

/** Writes files below a directory of the bench that then belongs to its user; scripts become executable. */
export async function writeTree(
  bench: Workbench,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const root = join(bench.directory, name);
  await mkdir(root, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    if (content.startsWith('#!')) await chmod(file, 0o755);
  }
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, root]);
  return root;
}

/** The JSON of a blob of a layout. */
async function readBlob(layout: string, digest: string) {
  return JSON.parse(await readFile(blobPath(layout, digest), 'utf8'));
}

function blobPath(layout: string, digest: string): string {
  return join(layout, 'blobs', digest.replace(':', '/'));
}

/** Config and layers of the newest image of a layout in the bench. */
export async function readLayout(bench: Workbench, name: string) {
  const layout = join(bench.directory, name);
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const manifest = await readBlob(layout, index.manifests.at(-1).digest);
  const config = await readBlob(layout, manifest.config.digest);
  const layers: string[] = manifest.layers.map(({ digest }: { digest: string }) =>
    blobPath(layout, digest),
  );
  return { config: config.config, manifest, layers };
}

/** The names in the last layer of a layout. */
export async function lastLayerNames(bench: Workbench, name: string): Promise<readonly string[]> {
  const { layers } = await readLayout(bench, name);
  const { stdout } = await run('tar', ['-tzf', layers.at(-1) ?? '']);
  return stdout.split('\n').filter((line) => line !== '');
}

/** How an image differs from the busybox builder image. */
export interface ImageChanges {
  /** Files of one more layer, by absolute path; scripts become executable. */
  readonly files?: Readonly<Record<string, string>>;
  /** Paths without a leading slash that are removed. */
  readonly removed?: readonly string[];
  /** Keys of the execution config; undefined takes one away. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Makes an image in the bench out of the busybox builder image and returns its name. */
export async function deriveImage(
  bench: Workbench,
  name: string,
  { files = {}, removed = [], config = {} }: ImageChanges,
): Promise<string> {
  const { directory } = await builderImage('busybox');
  const layout = join(bench.directory, name);
  await cp(directory, layout, { recursive: true });
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const manifest = await readBlob(layout, index.manifests[0].digest);
  const image = await readBlob(layout, manifest.config.digest);
  const tree = `${layout}.tree`;
  for (const [path, content] of [
    ...Object.entries(files),
    ...removed.map((path) => [join(dirname(path), `.wh.${basename(path)}`), ''] as const),
  ]) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
    if (content.startsWith('#!')) await chmod(join(tree, path), 0o755);
  }
  if (Object.keys(files).length + removed.length > 0) {
    const owner = ['--numeric-owner', '--owner=0', '--group=0'];
    await run('tar', ['-C', tree, ...owner, '-cf', `${layout}.tar`, '.']);
    const layer = await readFile(`${layout}.tar`);
    const mediaType = 'application/vnd.oci.image.layer.v1.tar';
    manifest.layers.push(await writeBlob(layout, layer, mediaType));
    image.rootfs.diff_ids.push(manifest.layers.at(-1).digest);
    image.history.push({ created_by: name });
  }
  image.config = JSON.parse(JSON.stringify({ ...image.config, ...config }));
  const configType = 'application/vnd.oci.image.config.v1+json';
  manifest.config = await writeBlob(layout, JSON.stringify(image), configType);
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const entry = await writeBlob(layout, JSON.stringify(manifest), manifestType);
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  index.manifests = [{ ...entry, annotations }];
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
  return `oci:${layout}:latest`;
}

async function writeBlob(layout: string, content: string | Buffer, mediaType: string) {
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  await writeFile(blobPath(layout, digest), content);
  return { mediaType, digest, size: Buffer.byteLength(content) };
}
