/**
 * Who this process is to the kernel: ids, id maps, capabilities, filters (proc(5), user_namespaces(7)).
 *
 * Everything comes from /proc/self, so that it is what the kernel enforces, not what a library believes.
 */

import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { capabilitiesOf } from './capabilities.ts';

/** One line of a uid_map or gid_map: `count` ids from `inside` stand for those from `outside`. */
export interface IdExtent {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** What the kernel says about this process. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** The name in the user database; a random uid of a pod has none. */
  readonly userName?: string;
  readonly uidMap: readonly IdExtent[];
  readonly gidMap: readonly IdExtent[];
  readonly effective: readonly string[];
  readonly bounding: readonly string[];
  readonly noNewPrivileges: boolean;
  /** A seccomp filter of somebody else's is in force. */
  readonly seccompFilter: boolean;
  /** /proc belongs to this process's own pid namespace, so that pids mean in it what they mean here. */
  readonly ownProc: boolean;
  /** No user namespace stands between this process and the machine. */
  readonly initialUserNamespace: boolean;
}

/** Reads the identity of this process. */
export function readIdentity(): Identity {
  const status = parseStatus(readFileSync('/proc/self/status', 'utf8'));
  const uidMap = parseIdMap(readFileSync('/proc/self/uid_map', 'utf8'));
  const uid = firstNumber(status.get('Uid'));
  const name = userName(uid);
  return {
    uid,
    gid: firstNumber(status.get('Gid')),
    ...(name === undefined ? {} : { userName: name }),
    uidMap,
    gidMap: parseIdMap(readFileSync('/proc/self/gid_map', 'utf8')),
    effective: capabilitiesOf(status.get('CapEff') ?? '0'),
    bounding: capabilitiesOf(status.get('CapBnd') ?? '0'),
    noNewPrivileges: status.get('NoNewPrivs') === '1',
    seccompFilter: status.get('Seccomp') === '2',
    ownProc: (status.get('NSpid') ?? '').split(/\s+/).length === 1,
    initialUserNamespace: isWhole(uidMap),
  };
}

/** Splits a /proc/PID/status text into its fields. */
export function parseStatus(text: string): ReadonlyMap<string, string> {
  const lines = text.split('\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
}

/** Parses a uid_map or gid_map. */
export function parseIdMap(text: string): readonly IdExtent[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter((numbers) => numbers.length === 3)
    .map(([inside = 0, outside = 0, count = 0]) => ({ inside, outside, count }));
}

/** How many ids a map holds. */
export function countIds(map: readonly IdExtent[]): number {
  return map.reduce((sum, extent) => sum + extent.count, 0);
}

/** Tells whether an id exists inside a map. */
export function isMapped(map: readonly IdExtent[], id: number): boolean {
  return map.some(({ inside, count }) => id >= inside && id < inside + count);
}

/** Tells whether this process may make mounts and namespaces without a new user namespace. */
export function canMount(identity: Identity): boolean {
  return identity.effective.includes('CAP_SYS_ADMIN');
}

/** Tells whether this process can only ever be one user, whatever ids exist around it. */
export function ownsOneId(identity: Identity): boolean {
  if (countIds(identity.uidMap) === 1) return true;
  return !['CAP_SETUID', 'CAP_SETGID'].every((name) => identity.effective.includes(name));
}

function isWhole(map: readonly IdExtent[]): boolean {
  const [only, ...rest] = map;
  return rest.length === 0 && only?.inside === 0 && only.outside === 0 && only.count >= 2 ** 32 - 1;
}

function userName(uid: number): string | undefined {
  try {
    const info = userInfo();
    return info.uid === uid ? info.username : undefined;
  } catch {
    return undefined; // ENOENT: the uid is in no user database
  }
}

function firstNumber(field: string | undefined): number {
  return Number.parseInt(field ?? '', 10);
}
