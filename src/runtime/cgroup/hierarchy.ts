/** Where this process is in the tree of control groups (cgroups(7), version 2), as directories. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MountPoint, parseMounts } from '../machine/mounts.ts';

/**
 * Returns the directory of the group of a process, and those above it as far as they are mounted; nothing where version 2
 * is not, or the group lies outside of what is.
 *
 * @param membership the text of /proc/self/cgroup
 * @param mountinfo the text of /proc/self/mountinfo
 */
export function groupsUpwards(membership: string, mountinfo: string): readonly string[] {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1];
  if (path === undefined || path.split('/').includes('..')) return [];
  const mounts = parseMounts(mountinfo).filter(({ type }) => type === 'cgroup2');
  // of mounts on one point the last is the one in sight
  for (const mount of mounts.toReversed()) {
    const names = namesBelow(mount, path);
    if (names === undefined) continue;
    const depths = [...names, ''].map((_, i) => names.length - i);
    return depths.map((depth) => join(mount.point, ...names.slice(0, depth)));
  }
  return [];
}

/** The same for this process. */
export function ownGroupsUpwards(): readonly string[] {
  const read = (name: string) => readFileSync(`/proc/self/${name}`, 'utf8');
  return groupsUpwards(read('cgroup'), read('mountinfo'));
}

/** The names on the way from what is mounted to a group; undefined when it lies elsewhere. */
function namesBelow({ root }: MountPoint, path: string): readonly string[] | undefined {
  const top = root === '/' ? '' : root;
  const isInside = path === root || path.startsWith(`${top}/`);
  return isInside
    ? path
        .slice(top.length)
        .split('/')
        .filter((name) => name !== '')
    : undefined;
}
