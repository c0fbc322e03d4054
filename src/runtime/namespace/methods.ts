/**
 * The ways to get a namespace, strongest first (rootless.md C1): already privileged, an identity map
 * written by ourselves, newuidmap, podman's own user namespace, one single id.
 *
 * A method says which command starts the namespace and who writes the id map; whether it works is
 * found out by doing it.
 */

import { countIds, type Identity } from '../machine/identity.ts';
import type { Tools } from '../machine/tools.ts';
import { describeMap, type IdMaps, identityMaps, subordinateMaps } from './id-ranges.ts';

/** How the ids of a namespace process relate to those outside. */
export type Mapping = 'root' | 'subuid' | 'single' | 'none';

/** One way to start the namespace process. */
export interface NamespaceMethod {
  readonly name: 'privileged' | 'identity-map' | 'newuidmap' | 'podman-unshare' | 'single-id';
  readonly mapping: Exclude<Mapping, 'none'>;
  /** Program and arguments that make the namespaces; more options of unshare may follow. */
  readonly prefix: readonly string[];
  /** The maps to write once the namespace exists; absent when `prefix` does that itself. */
  readonly maps?: IdMaps;
  /** `kernel` writes /proc/PID/uid_map directly, `helper` calls newuidmap and newgidmap. */
  readonly writer?: 'kernel' | 'helper';
  /** The ids of the namespace in words. */
  readonly idRange: string;
}

/** A method that cannot even be tried, and why. */
export interface ImpossibleMethod {
  readonly name: NamespaceMethod['name'];
  readonly mapping: Mapping;
  readonly reason: string;
}

/** Tells whether a method can be tried. */
export function isPossible(method: NamespaceMethod | ImpossibleMethod): method is NamespaceMethod {
  return 'prefix' in method;
}

/** Lists all methods for this process, strongest first. */
export function namespaceMethods(
  tools: Tools,
  identity: Identity,
): readonly (NamespaceMethod | ImpossibleMethod)[] {
  const unshare = tools.find('unshare');
  if (unshare === undefined) {
    const reason = 'the program unshare (util-linux) is not installed';
    return [{ name: 'single-id', mapping: 'single', reason }];
  }
  const namespaces = ['--mount'];
  return [
    ...privileged(identity, [unshare, ...namespaces]),
    ...identityMap(identity, [unshare, '--user', ...namespaces]),
    subordinate(tools, identity, [unshare, '--user', ...namespaces]),
    podman(tools, identity, [unshare, ...namespaces]),
    singleId(identity, [unshare, '--user', '--map-root-user', ...namespaces]),
  ];
}

function privileged(identity: Identity, prefix: readonly string[]): readonly NamespaceMethod[] {
  if (!identity.effective.includes('CAP_SYS_ADMIN')) return [];
  const mapping = countIds(identity.uidMap) > 1 ? 'root' : 'single';
  return [{ name: 'privileged', mapping, prefix, idRange: describeMap(identity.uidMap) }];
}

function identityMap(identity: Identity, prefix: readonly string[]): readonly NamespaceMethod[] {
  const needed = ['CAP_SETUID', 'CAP_SETGID'];
  const allowed = needed.every((name) => identity.effective.includes(name));
  if (identity.uid !== 0 || !allowed || countIds(identity.uidMap) === 1) return [];
  const maps = identityMaps(identity);
  const idRange = describeMap(maps.uid);
  return [{ name: 'identity-map', mapping: 'root', prefix, maps, writer: 'kernel', idRange }];
}

function subordinate(
  tools: Tools,
  identity: Identity,
  prefix: readonly string[],
): NamespaceMethod | ImpossibleMethod {
  const name = 'newuidmap';
  const mapping = 'subuid';
  if (identity.noNewPrivileges) {
    return { name, mapping, reason: 'newuidmap has no effect under no_new_privs' };
  }
  if (tools.find('newuidmap') === undefined || tools.find('newgidmap') === undefined) {
    return { name, mapping, reason: 'newuidmap and newgidmap (uidmap) are not installed' };
  }
  const maps = subordinateMaps(identity);
  if (typeof maps === 'string') return { name, mapping, reason: maps };
  return { name, mapping, prefix, maps, writer: 'helper', idRange: describeMap(maps.uid) };
}

/** Podman may be exempt from an AppArmor restriction that stops everybody else (Ubuntu 24.04). */
function podman(
  tools: Tools,
  identity: Identity,
  inner: readonly string[],
): NamespaceMethod | ImpossibleMethod {
  const name = 'podman-unshare';
  const mapping = 'subuid';
  const program = tools.find('podman');
  const setpriv = tools.find('setpriv');
  if (program === undefined || setpriv === undefined) {
    return { name, mapping, reason: 'podman is not installed' };
  }
  if (identity.noNewPrivileges) {
    return { name, mapping, reason: 'newuidmap has no effect under no_new_privs' };
  }
  const maps = subordinateMaps(identity);
  if (typeof maps === 'string') return { name, mapping, reason: maps };
  const prefix = [program, 'unshare', setpriv, '--pdeathsig', 'KILL', '--', ...inner];
  return { name, mapping, prefix, idRange: describeMap(maps.uid) };
}

/** The program unshare writes this map itself, before it executes anything: that works under no_new_privs. */
function singleId(identity: Identity, prefix: readonly string[]): NamespaceMethod {
  const idRange = `0-0=${identity.uid}-${identity.uid}`;
  return { name: 'single-id', mapping: 'single', prefix, idRange };
}
