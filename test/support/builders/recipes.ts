/** What each builder image consists of: a base and steps, each of which becomes one layer. */

import { execFile } from 'node:child_process';
import { chmod, cp, link, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findPackage, installPackages } from './debian.ts';
import type { ImageSettings } from './layout.ts';

const execute = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));

/** One change of the tree. What it removes becomes whiteouts. */
export interface Step {
  readonly name: string;
  run(tree: string): Promise<void>;
}

/** How a builder image is made. */
export interface Recipe {
  /** `debian`: on the shared Debian tree, whose layer is the first. `empty`: on nothing. */
  readonly base: 'debian' | 'empty';
  readonly steps: readonly Step[];
  readonly settings: ImageSettings;
}

const scripts = '/usr/libexec/s2i';
const home = '/opt/app-root/src';
const paths = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The recipes by the name of the image. */
export const recipes: Readonly<Record<string, Recipe>> = {
  busybox: {
    base: 'empty',
    steps: [
      { name: 'busybox', run: installBusybox },
      { name: 's2i scripts', run: (tree) => installScripts(tree, 'busybox') },
    ],
    settings: {
      Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: [`${scripts}/usage`],
      WorkingDir: '/app',
      ExposedPorts: { '8080/tcp': {} },
      Labels: labelsOf('busybox'),
    },
  },
  node: {
    base: 'debian',
    steps: [
      { name: 'tools and headers', run: installTools },
      { name: 'node and npm', run: installNode },
      { name: 'application user', run: addApplicationUser },
      { name: 's2i scripts', run: (tree) => installScripts(tree, 'node') },
    ],
    settings: { ...applicationSettings('node'), User: '1001' },
  },
  python: {
    base: 'debian',
    steps: [
      { name: 'python', run: (tree) => installPackages(tree, ['python3', 'python3-venv']) },
      { name: 'application user', run: addApplicationUser },
      { name: 's2i scripts', run: (tree) => installScripts(tree, 'python') },
    ],
    settings: { ...applicationSettings('python'), User: 'default' },
  },
};

function applicationSettings(name: string): ImageSettings {
  return {
    Env: [
      `PATH=/opt/app-root/src/bin:/opt/app-root/bin:${paths}`,
      `HOME=${home}`,
      'APP_ROOT=/opt/app-root',
      `STI_SCRIPTS_PATH=${scripts}`,
      `STI_SCRIPTS_URL=image://${scripts}`,
    ],
    Entrypoint: ['container-entrypoint'],
    Cmd: [`${scripts}/usage`],
    WorkingDir: home,
    ExposedPorts: { '8080/tcp': {} },
    StopSignal: 'SIGTERM',
    Labels: labelsOf(name),
  };
}

function labelsOf(name: string): Readonly<Record<string, string>> {
  return {
    'io.k8s.description': `Builds and runs ${name} applications (test image)`,
    'io.k8s.display-name': `${name} for tests`,
    'io.openshift.expose-services': '8080:http',
    'io.openshift.s2i.scripts-url': `image://${scripts}`,
    'io.s2i.scripts-url': `image://${scripts}`,
    'io.openshift.tags': `builder,${name}`,
  };
}

async function installBusybox(tree: string): Promise<void> {
  for (const folder of ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'etc', 'proc', 'sys', 'dev', 'app']) {
    await mkdir(join(tree, folder), { recursive: true });
  }
  await mkdir(join(tree, 'tmp'));
  await chmod(join(tree, 'tmp'), 0o1777);
  await cp('/bin/busybox', join(tree, 'bin/busybox'));
  await execute('chroot', [tree, '/bin/busybox', '--install', '-s']);
  await writeFile(join(tree, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(tree, 'etc/group'), 'root:x:0:\n');
}

/** A compiler's headers stand for the many small files of a real builder image. */
async function installTools(tree: string): Promise<void> {
  const headers = await findPackage(tree, '^linux-headers-[0-9.-]+-common$');
  await installPackages(tree, ['git', 'procps', headers]);
}

/** The Node that runs the tests, with its npm; a second npm shares the files of the first by hard links. */
async function installNode(tree: string): Promise<void> {
  const modules = join(tree, 'usr/local/lib/node_modules');
  const bin = join(tree, 'usr/local/bin');
  await cp(process.execPath, join(bin, 'node'), { dereference: true });
  await chmod(join(bin, 'node'), 0o755);
  await mkdir(modules, { recursive: true });
  await cp(await findNpm(), join(modules, 'npm'), { recursive: true, verbatimSymlinks: true });
  await execute('cp', ['--archive', '--link', join(modules, 'npm'), join(modules, 'npm-spare')]);
  await execute('chown', ['--recursive', '--no-dereference', '0:0', modules, join(bin, 'node')]);
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(bin, 'npm'));
  await symlink('../lib/node_modules/npm/bin/npx-cli.js', join(bin, 'npx'));
}

async function findNpm(): Promise<string> {
  const beside = (node: string) => join(dirname(dirname(node)), 'lib/node_modules/npm');
  const inPath = (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => beside(join(folder, 'node')));
  for (const candidate of [beside(process.execPath), ...inPath]) {
    if ((await readdir(candidate).catch(() => [''])).includes('package.json')) return candidate;
  }
  const require = createRequire(import.meta.url);
  return dirname(require.resolve('npm/package.json'));
}

/** User 1001 of group 0 and its writable home, as the images of sclorg have them. */
async function addApplicationUser(tree: string): Promise<void> {
  const user = `default:x:1001:0:Default Application User:${home}:/sbin/nologin\n`;
  await writeFile(join(tree, 'etc/passwd'), user, { flag: 'a' });
  await cp(join(here, 'container-entrypoint'), join(tree, 'usr/bin/container-entrypoint'));
  await chmod(join(tree, 'usr/bin/container-entrypoint'), 0o755);
  for (const folder of ['src', 'bin', 'etc']) {
    await mkdir(join(tree, 'opt/app-root', folder), { recursive: true });
  }
  const note = join(tree, 'opt/app-root/etc/note');
  await writeFile(note, 'linked twice, with an attribute\n');
  await link(note, join(tree, 'opt/app-root/bin/note'));
  await execute('setfattr', ['--name=user.s2oci.test', '--value=0x00ff0a', note]);
  await execute('chown', ['--recursive', '1001:0', join(tree, 'opt/app-root')]);
  await execute('chmod', ['--recursive', 'g+rwX', join(tree, 'opt/app-root')]);
  // Whole folders and single files of lower layers go away, so that the layer has whiteouts.
  await rm(join(tree, 'usr/share/bug'), { recursive: true, force: true });
  await rm(join(tree, 'etc/motd'), { force: true });
}

async function installScripts(tree: string, name: string): Promise<void> {
  const target = join(tree, scripts);
  await mkdir(dirname(target), { recursive: true });
  await cp(join(here, name, 's2i/bin'), target, { recursive: true });
  await execute('chmod', ['--recursive', 'u=rwX,go=rX', target]);
  await execute('chown', ['--recursive', '0:0', target]);
  for (const script of await readdir(target)) await chmod(join(target, script), 0o755);
}
