/** Reasons that several executors have to refuse a run. */

import { closeSync, openSync } from 'node:fs';
import type { RuntimeDeps } from '../deps.ts';
import { canMount, isMapped, ownsOneId } from '../machine/identity.ts';
import type { RunNeeds } from '../ports.ts';

/** Refuses users that do not exist among the ids of this process. */
export function refuseUnmapped(deps: RuntimeDeps, { user }: RunNeeds): string | undefined {
  const { uidMap, gidMap } = deps.identity;
  if (isMapped(uidMap, user.uid) && isMapped(gidMap, user.gid)) return undefined;
  return `the user ${user.uid}:${user.gid} does not exist in this user namespace, whose ids are those of /etc/subuid`;
}

/** The same for executors that can give the one id of a single map any number. */
export function refuseUnmappedUnlessSingle(deps: RuntimeDeps, needs: RunNeeds): string | undefined {
  return ownsOneId(deps.identity) ? undefined : refuseUnmapped(deps, needs);
}

/** Names missing programs, or the missing privilege to make namespaces. */
export function missingForNamespaces(
  deps: RuntimeDeps,
  programs: readonly string[],
): string | undefined {
  const missing = missingPrograms(deps, programs);
  if (missing !== undefined) return missing;
  return canMount(deps.identity) ? undefined : 'it needs a user namespace';
}

/** Names missing programs. */
export function missingPrograms(
  deps: RuntimeDeps,
  programs: readonly string[],
): string | undefined {
  const absent = programs.filter((name) => deps.tools.find(name) === undefined);
  return absent.length > 0 ? `not installed: ${absent.join(', ')}` : undefined;
}

/** Refuses networks in user space that cannot be set up here. */
export function refuseNetwork(deps: RuntimeDeps, { network }: RunNeeds): string | undefined {
  if (network === 'host' || network === 'none') return undefined;
  if (!canMount(deps.identity)) return `${network} needs a user namespace`;
  return missingPrograms(deps, [network, 'setpriv']) ?? missingTunnel(network);
}

const tunnelDevice = '/dev/net/tun';

function missingTunnel(network: string): string | undefined {
  try {
    closeSync(openSync(tunnelDevice, 'r+'));
    return undefined;
  } catch (error) {
    return `${network} needs ${tunnelDevice}: ${(error as Error).message}`;
  }
}
