/**
 * The last steps into a root filesystem for the util-linux executor: drop privileges, set the groups,
 * change the root, set the user (setpriv(1), unshare(1)).
 */

import type { RuntimeDeps } from '../deps.ts';
import { grantable } from '../machine/capabilities.ts';
import { countIds } from '../machine/identity.ts';
import type { RunSpec } from '../ports.ts';

/** How to enter. */
export interface Entrance {
  /** The new root, as the shell that executes this sees it. */
  readonly root: string;
  /** The user is a mapping of the one id there is, by a nested user namespace. */
  readonly nested: boolean;
}

/** Returns the command that goes in front of the program to run. */
export function enterCommand(
  deps: RuntimeDeps,
  spec: RunSpec,
  entrance: Entrance,
): readonly string[] {
  const tool = (name: string) => deps.tools.find(name) ?? name;
  const { nested } = entrance;
  const { uid, gid } = spec.user;
  const maps = nested ? ['--user', `--map-user=${uid}`, `--map-group=${gid}`] : [];
  const setuid = nested || uid === deps.identity.uid ? [] : [`--setuid=${uid}`];
  return [
    ...[tool('setpriv'), '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all'],
    ...(nested ? [] : [`--bounding-set=${boundingSet(spec)}`]),
    ...groups(deps, spec),
    '--',
    ...[tool('unshare'), ...maps, `--root=${entrance.root}`, `--wd=${spec.cwd}`, ...setuid, '--'],
  ];
}

function groups(deps: RuntimeDeps, { user }: RunSpec): readonly string[] {
  if (countIds(deps.identity.gidMap) === 1) return [];
  const { gid, additionalGids } = user;
  return [
    `--regid=${gid}`,
    additionalGids.length === 0 ? '--clear-groups' : `--groups=${additionalGids.join()}`,
  ];
}

/**
 * The bounding set of a run as setpriv takes it. What the last steps need stays in: a process that is not
 * root has no capabilities anyhow.
 */
export function boundingSet({ capabilities, user }: RunSpec): string {
  const needed =
    user.uid === 0 ? ['CAP_SYS_CHROOT'] : ['CAP_SYS_CHROOT', 'CAP_SETUID', 'CAP_SETGID'];
  const kept = new Set([...grantable(capabilities), ...needed]);
  return ['-all', ...[...kept].map((name) => `+${name.slice(4).toLowerCase()}`)].join();
}
