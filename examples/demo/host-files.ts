/** What the demo builder takes from this machine: Node with its shared objects, npm, and a shell with tools. */

import { execFile } from 'node:child_process';
import { access, constants, readdir, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { FileTree } from './file-tree.ts';

const execute = promisify(execFile);

/** The tools that npm, its install scripts and our S2I scripts call, where busybox is not at hand. */
const tools = [
  ...['sh', 'basename', 'cat', 'chmod', 'cp', 'dirname', 'env', 'id', 'ln', 'ls', 'mkdir', 'mv'],
  ...['readlink', 'rm', 'sed', 'sleep', 'tar', 'touch', 'uname'],
];

/** Libraries that the C library opens by itself when names are looked up. */
const nameServices = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2'];

/** Adds the running Node as `/usr/local/bin/node`, with the loader and libraries that it runs with. */
export async function addNode(tree: FileTree): Promise<void> {
  await tree.file(await realpath(process.execPath), '/usr/local/bin/node', { mode: 0o755 });
  const objects = sharedObjects();
  for (const path of objects) await addLibrary(tree, path);
  const libc = objects.find((path) => basename(path).startsWith('libc.so'));
  if (libc === undefined) return;
  for (const name of nameServices) {
    const path = join(dirname(libc), name);
    if (await isThere(path)) await addLibrary(tree, path);
  }
}

/** Adds npm, from beside Node, from `PATH` or from `node_modules`. */
export async function addNpm(tree: FileTree): Promise<void> {
  const modules = '/usr/local/lib/node_modules';
  await tree.folder(await findNpm(), `${modules}/npm`);
  for (const name of ['npm', 'npx']) {
    tree.symlink(`/usr/local/bin/${name}`, `../lib/node_modules/npm/bin/${name}-cli.js`);
  }
}

/** Adds `/bin/sh` and common tools: a static busybox when there is one, else the machine's own. */
export async function addShell(tree: FileTree): Promise<void> {
  const busybox = await findStaticBusybox();
  if (busybox === undefined) {
    for (const tool of tools) await addProgram(tree, tool);
    return;
  }
  await tree.file(busybox, '/bin/busybox', { mode: 0o755 });
  const { stdout } = await execute(busybox, ['--list']);
  for (const applet of stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')) {
    tree.symlink(`/bin/${applet}`, 'busybox');
  }
  tree.symlink('/usr/bin/env', '../../bin/busybox');
}

async function addProgram(tree: FileTree, name: string): Promise<void> {
  const path = await findInPath(name);
  if (path === undefined) throw new Error(`this machine has no ${name} to put into the image`);
  await tree.file(await realpath(path), `/bin/${name}`, { mode: 0o755 });
  if (name === 'env') tree.symlink('/usr/bin/env', '../../bin/env');
  for (const library of await librariesOf(path)) await addLibrary(tree, library);
}

async function addLibrary(tree: FileTree, path: string): Promise<void> {
  await tree.file(await realpath(path), path, { mode: 0o755 });
}

/** What the dynamic loader mapped into this very process; exact, and the same on glibc and musl. */
function sharedObjects(): readonly string[] {
  if (process.report === undefined) return [];
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as unknown as { sharedObjects: readonly string[] };
  return report.sharedObjects.filter((path) => path.startsWith('/') && path !== process.execPath);
}

/** Asks the dynamic loader which libraries a program needs; none for a static one. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const loader = sharedObjects().find((path) => /^ld-/.test(basename(path)));
  if (loader === undefined) return [];
  const listing = await execute(loader, ['--list', program]).catch(() => ({ stdout: '' }));
  return [...listing.stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
}

async function findStaticBusybox(): Promise<string | undefined> {
  const path = await findInPath('busybox');
  if (path === undefined) return undefined;
  return (await librariesOf(path)).length === 0 ? await realpath(path) : undefined;
}

async function findNpm(): Promise<string> {
  const besideNode = join(dirname(dirname(process.execPath)), 'lib/node_modules/npm');
  const command = await findInPath('npm');
  const candidates = [besideNode, ...(command === undefined ? [] : [await packageOf(command)])];
  for (const candidate of candidates) {
    if (await isThere(join(candidate, 'bin/npm-cli.js'))) return candidate;
  }
  try {
    return dirname(createRequire(import.meta.url).resolve('npm/package.json'));
  } catch (cause) {
    throw new Error('npm was not found beside Node, in PATH or in node_modules', { cause });
  }
}

/** The package that a command of it, such as `npm/bin/npm-cli.js`, belongs to. */
async function packageOf(command: string): Promise<string> {
  return dirname(dirname(await realpath(command)));
}

async function findInPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(':').filter((entry) => entry !== '')) {
    const names = await readdir(folder).catch(() => ['']);
    const path = join(folder, name);
    if (names.includes(name) && (await isThere(path, constants.X_OK))) return path;
  }
  return undefined;
}

async function isThere(path: string, mode = constants.R_OK): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}
