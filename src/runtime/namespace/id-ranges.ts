/**
 * Which ids a user namespace of ours can have (subuid(5), user_namespaces(7)).
 *
 * Ranges of /etc/subuid must lie inside the id map of the namespace we are already in: a pod with its
 * own user namespace, or rootless podman, has fewer ids than the file promises.
 */

import { readFileSync } from 'node:fs';
import type { IdExtent, Identity } from '../machine/identity.ts';

/** The id maps of a user namespace to be made. */
export interface IdMaps {
  readonly uid: readonly IdExtent[];
  readonly gid: readonly IdExtent[];
}

/** Maps of every id onto itself, extent by extent as the parent has them: a line may not span two. */
export function identityMaps(identity: Identity): IdMaps {
  const same = ({ inside, count }: IdExtent): IdExtent => ({ inside, outside: inside, count });
  return { uid: identity.uidMap.map(same), gid: identity.gidMap.map(same) };
}

/**
 * Maps with the user as root and the user's subordinate ids behind it.
 *
 * @returns the maps, or in words why there are none
 */
export function subordinateMaps(
  identity: Identity,
  files: { readonly subuid: string; readonly subgid: string } = readSubordinateFiles(),
): IdMaps | string {
  const uid = usable(files.subuid, identity, identity.uidMap);
  const gid = usable(files.subgid, identity, identity.gidMap);
  if (typeof uid === 'string') return `/etc/subuid ${uid}`;
  if (typeof gid === 'string') return `/etc/subgid ${gid}`;
  return { uid: rootFirst(identity.uid, uid), gid: rootFirst(identity.gid, gid) };
}

/** Describes a map as `0-0=2001-2001 1-65536=200000-265535`. */
export function describeMap(map: readonly IdExtent[]): string {
  const span = (start: number, count: number) => `${start}-${start + count - 1}`;
  return map
    .map(({ inside, outside, count }) => `${span(inside, count)}=${span(outside, count)}`)
    .join(' ');
}

/** The lines of a map as the kernel takes them. */
export function formatMap(map: readonly IdExtent[]): string {
  return map.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');
}

/**
 * Below it are users of the machine. An image names ranges of both kinds, for a machine and for a container with 65,536
 * ids (rootless.md C4); where both exist, a build gets none of the machine's users.
 */
const idsOfMachine = 65_536;

function usable(
  file: string,
  identity: Identity,
  parent: readonly IdExtent[],
): readonly { start: number; count: number }[] | string {
  const own = file
    .split('\n')
    .map((line) => line.trim().split(':'))
    .filter(([owner]) => owner === identity.userName || owner === String(identity.uid))
    .map(([, start, count]) => ({ start: Number(start), count: Number(count) }))
    .filter(({ start, count }) => Number.isSafeInteger(start) && count > 0);
  if (own.length === 0) return `has no range for ${identity.userName ?? `uid ${identity.uid}`}`;
  const inside = own.filter(({ start, count }) =>
    parent.some(
      (extent) => start >= extent.inside && start + count <= extent.inside + extent.count,
    ),
  );
  if (inside.length === 0) return 'has no range that exists in this user namespace';
  const ownOnly = inside.filter(({ start }) => start >= idsOfMachine);
  return ownOnly.length === 0 ? inside : ownOnly;
}

function rootFirst(
  id: number,
  ranges: readonly { start: number; count: number }[],
): readonly IdExtent[] {
  let next = 1;
  const rest = ranges.map(({ start, count }) => {
    const extent = { inside: next, outside: start, count };
    next += count;
    return extent;
  });
  return [{ inside: 0, outside: id, count: 1 }, ...rest];
}

function readSubordinateFiles(): { subuid: string; subgid: string } {
  return { subuid: readOr('/etc/subuid'), subgid: readOr('/etc/subgid') };
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
