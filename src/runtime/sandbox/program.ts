/** Finds a program as execvp(3) would inside a root filesystem, for executors that start it by execve(2). */

import { resolveInRootfs } from './resolve.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Returns the path of a program in the container; a name that is not found stays as it is. */
export function findProgram(rootfs: string, env: readonly string[], name: string): string {
  if (name.includes('/')) return name;
  const variable = env.findLast((text) => text.startsWith('PATH='));
  const path = variable === undefined ? defaultPath : variable.slice('PATH='.length);
  const found = path
    .split(':')
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => `${directory.replace(/\/+$/, '')}/${name}`)
    .find((candidate) => isProgram(rootfs, candidate));
  return found ?? name;
}

function isProgram(rootfs: string, path: string): boolean {
  const stats = resolveInRootfs(rootfs, path)?.stats;
  return stats?.isFile() === true && (stats.mode & 0o111) !== 0;
}
