/**
 * Makes one builder image: `node make.ts NAME DIRECTORY`, as root or as the root of a user namespace.
 *
 * The Debian tree and its layer are kept beside the images and shared by those that stand on it.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { compareListings, type Listing, listTree } from './changes.ts';
import { cleanPackageCaches, emptyFolder, makeDebian } from './debian.ts';
import { type LayoutLayer, LayoutWriter } from './layout.ts';
import { recipes } from './recipes.ts';

const execute = promisify(execFile);

async function main(name: string, directory: string): Promise<void> {
  const recipe = recipes[name];
  if (recipe === undefined) throw new Error(`there is no recipe ${name}`);
  if (await exists(join(directory, 'index.json'))) return;
  const work = await mkdtemp(join(dirname(directory), 'draft-'));
  try {
    const draft = join(work, 'layout');
    const writer = new LayoutWriter(draft);
    await writer.open();
    const tree = join(work, 'tree');
    const layers: LayoutLayer[] = [];
    if (recipe.base === 'debian') layers.push(await addDebian(draft, tree, dirname(directory)));
    else await mkdir(tree);
    for (const step of recipe.steps) {
      const before = await listTree(tree);
      await step.run(tree);
      if (recipe.base === 'debian') await cleanPackageCaches(tree);
      layers.push(await addChanges(writer, tree, before, step.name));
    }
    await writer.addImage(layers, recipe.settings);
    await execute('chmod', ['--recursive', 'a+rX', draft]);
    await rename(draft, directory);
  } finally {
    await execute('rm', ['-rf', work]);
  }
}

/** Puts the Debian tree into place and its layer into the layout. */
async function addDebian(draft: string, tree: string, cache: string): Promise<LayoutLayer> {
  const base = join(cache, `debian-${await debianKey()}`);
  if (!(await exists(base))) await makeBase(base);
  await execute('cp', ['--archive', '--reflink=auto', join(base, 'tree'), tree]);
  const layer = JSON.parse(await readFile(join(base, 'layer.json'), 'utf8')) as LayoutLayer;
  const blob = join('blobs/sha256', layer.descriptor.digest.replace('sha256:', ''));
  await cp(join(base, blob), join(draft, blob));
  return layer;
}

async function makeBase(base: string): Promise<void> {
  const draft = await mkdtemp(`${base}-draft-`);
  const tree = join(draft, 'tree');
  await makeDebian(tree);
  await emptyFolder(join(tree, 'dev'));
  for (const file of ['resolv.conf', 'hostname'])
    await rm(join(tree, 'etc', file), { force: true });
  const writer = new LayoutWriter(draft);
  await writer.open();
  const names = [...(await listTree(tree)).keys()].filter((path) => !isPackageCache(path));
  const layer = await writer.addLayer({ root: tree, paths: names.toSorted(), createdBy: 'Debian' });
  await writeFile(join(draft, 'layer.json'), JSON.stringify(layer));
  await rename(draft, base);
}

/** Changes when the base would be made differently. */
async function debianKey(): Promise<string> {
  const inputs = [join(import.meta.dirname, 'debian.ts'), '/etc/os-release'];
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(await readFile(input));
  return hash.digest('hex').slice(0, 16);
}

function isPackageCache(path: string): boolean {
  return /^var\/(lib\/apt\/lists|cache\/apt)\/./.test(path);
}

/** Adds the changes of a step as a layer, with whiteouts for what it removed. */
async function addChanges(
  writer: LayoutWriter,
  tree: string,
  before: Listing,
  createdBy: string,
): Promise<LayoutLayer> {
  const { changed, removed } = compareListings(before, await listTree(tree));
  const visible = removed.filter((path) => !isPackageCache(path));
  const whiteouts = visible.map((path) => join(dirname(path), `.wh.${path.split('/').at(-1)}`));
  for (const whiteout of whiteouts) await writeFile(join(tree, whiteout), '');
  try {
    return await writer.addLayer({ root: tree, paths: [...whiteouts, ...changed], createdBy });
  } finally {
    for (const whiteout of whiteouts) await rm(join(tree, whiteout));
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

const [name = '', directory = ''] = process.argv.slice(2);
await main(name, directory);
