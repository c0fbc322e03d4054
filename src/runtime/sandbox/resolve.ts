/**
 * Follows a container path inside a root filesystem as a process in it would, symlinks included, without
 * ever leaving it (the class of CVE-2024-45310 and CVE-2025-31133: mount points that are symlinks).
 *
 * Nothing of the image runs while this does, so what was found stays true until it is mounted on.
 */

import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from '../../errors/index.ts';

/** A container path and what it is. */
export interface ResolvedPath {
  /** The same place without symlinks, absolute in the container. */
  readonly path: string;
  /** The place as this process sees it. */
  readonly hostPath: string;
  readonly stats: Stats;
}

const maxSymlinks = 40;

/**
 * Resolves an absolute container path; undefined when it does not exist.
 *
 * @throws BuildError `PATH_UNSAFE` for a loop of symlinks
 */
export function resolveInRootfs(rootfs: string, path: string): ResolvedPath | undefined {
  let pending = componentsOf(path);
  let done: readonly string[] = [];
  let links = 0;
  while (pending.length > 0) {
    const [name = '', ...rest] = pending;
    pending = rest;
    if (name === '..') {
      done = done.slice(0, -1);
      continue;
    }
    const hostPath = join(rootfs, ...done, name);
    const stats = lstatSync(hostPath, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (!stats.isSymbolicLink()) {
      done = [...done, name];
      continue;
    }
    if (++links > maxSymlinks) throw new BuildError('PATH_UNSAFE', `${path}: too many symlinks`);
    const target = readlinkSync(hostPath);
    if (target.startsWith('/')) done = [];
    pending = [...componentsOf(target), ...pending];
  }
  const hostPath = join(rootfs, ...done);
  return { path: `/${done.join('/')}`, hostPath, stats: lstatSync(hostPath) };
}

function componentsOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
