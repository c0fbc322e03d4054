/** The Debian trees that builder images stand on, made by mmdebstrap and apt. */

import { execFile } from 'node:child_process';
import { copyFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const bigOutput = { maxBuffer: 256 * 1024 * 1024 };

/** What every Debian builder image contains besides Debian's minimal base. */
const basePackages = ['ca-certificates', 'iputils-ping', 'libcap2-bin'];

/** Nobody reads these in a test; leaving them out halves the time. */
const left = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];

/** Makes a minimal Debian of this machine's own release, ready for {@link installPackages}. */
export async function makeDebian(tree: string): Promise<void> {
  const { stdout } = await execute('sh', ['-c', '. /etc/os-release; echo "$VERSION_CODENAME"']);
  const options = [
    ...['--variant=minbase', '--mode=root', '--format=directory', '--skip=cleanup/apt/lists'],
    ...['--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"'],
    ...['--dpkgopt=force-unsafe-io', ...left.map((pattern) => `--dpkgopt=path-exclude=${pattern}`)],
  ];
  await execute(
    'mmdebstrap',
    [...options, `--include=${basePackages.join(',')}`, stdout.trim(), tree],
    bigOutput,
  );
}

/** Installs packages with the apt of a tree. */
export async function installPackages(tree: string, packages: readonly string[]): Promise<void> {
  await inTree(tree, ['apt-get', '--quiet', '--yes', 'install', ...packages]);
}

/** Returns the newest package of a tree whose name matches a pattern of apt-cache. */
export async function findPackage(tree: string, pattern: string): Promise<string> {
  const { stdout } = await inTree(tree, ['apt-cache', 'search', '--names-only', pattern]);
  const names = stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
  const newest = names
    .filter((name) => name !== '')
    .toSorted()
    .at(-1);
  if (newest === undefined) throw new Error(`Debian has no package like ${pattern}`);
  return newest;
}

/** Removes what apt needed only while it worked, so that it gets into no layer. */
export async function cleanPackageCaches(tree: string): Promise<void> {
  const script =
    'cd "$1" && rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/apt/archives/*.deb';
  await execute('sh', ['-c', script, 'sh', tree]);
}

async function inTree(tree: string, command: readonly string[]): Promise<{ stdout: string }> {
  const resolver = join(tree, 'etc/resolv.conf');
  await copyFile('/etc/resolv.conf', resolver);
  const environment = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8'];
  const proxies = Object.entries(process.env).filter(([name]) => /_proxy$/i.test(name));
  const settings = [
    'DEBIAN_FRONTEND=noninteractive',
    ...proxies.map(([name, value]) => `${name}=${value}`),
  ];
  try {
    return await execute('chroot', [tree, ...environment, ...settings, ...command], bigOutput);
  } finally {
    await rm(resolver, { force: true });
    await emptyFolder(join(tree, 'dev'));
  }
}

/** What programs wrote to devices that the tree does not have became ordinary files. */
export async function emptyFolder(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    await rm(join(path, name), { recursive: true, force: true });
  }
}
