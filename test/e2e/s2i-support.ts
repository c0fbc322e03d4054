/** What the tests of the S2I contract share: sources and looks into the layouts that builds write. */

import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../support/as-user.ts';
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
