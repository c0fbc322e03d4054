/**
 * Everything about this machine that can be known by looking: one record, so that what follows from it is
 * pure and can be tested against machines that are not at hand.
 */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { type Identity, readIdentity } from '../machine/identity.ts';
import { type MountPoint, parseMounts } from '../machine/mounts.ts';
import type { Tools } from '../machine/tools.ts';
import { subordinateMaps } from '../namespace/id-ranges.ts';

/** How a helper gets the privilege it needs. */
export type HelperMode = 'setuid' | 'plain' | 'absent';

/** What was seen. */
export interface Facts {
  readonly identity: Identity;
  /** Values of sysctls; undefined where the kernel has none of that name. */
  readonly sysctls: Readonly<Record<SysctlName, string | undefined>>;
  /** The label of the security module this process runs under. */
  readonly label: string | undefined;
  readonly mounts: readonly MountPoint[];
  /** Why there are no subordinate ids; undefined when there are. */
  readonly noSubordinateIds: string | undefined;
  readonly newuidmap: HelperMode;
  readonly newgidmap: HelperMode;
  readonly tunnel: boolean;
  /** A systemd of this user runs, which can be asked for a scope. */
  readonly userManager: boolean;
  /** Absolute paths of the programs that matter; undefined for missing ones. */
  readonly programs: Readonly<Record<ProgramName, string | undefined>>;
  /** Where this seems to be, such as `kubernetes`. */
  readonly surroundings: readonly string[];
}

const sysctlPaths = {
  'user.max_user_namespaces': '/proc/sys/user/max_user_namespaces',
  'kernel.unprivileged_userns_clone': '/proc/sys/kernel/unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns':
    '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
} as const;

/** The sysctls that decide about user namespaces. */
export type SysctlName = keyof typeof sysctlPaths;

const programNames = [
  'unshare',
  'setpriv',
  'mount',
  'newuidmap',
  'newgidmap',
  'crun',
  'runc',
  'bwrap',
  'podman',
] as const;

/** The programs that chains are made of. */
export type ProgramName = (typeof programNames)[number];

/** Reads all facts; `env` is only asked for well-known names of surroundings. */
export function collectFacts(
  tools: Tools,
  env: Readonly<Record<string, string | undefined>>,
): Facts {
  const identity = readIdentity();
  const maps = subordinateMaps(identity);
  return {
    identity,
    sysctls: mapValues(sysctlPaths, readText),
    label: readText('/proc/self/attr/current')?.replaceAll('\0', ''),
    mounts: parseMounts(readText('/proc/self/mountinfo') ?? ''),
    noSubordinateIds: typeof maps === 'string' ? maps : undefined,
    newuidmap: helperMode(tools.find('newuidmap')),
    newgidmap: helperMode(tools.find('newgidmap')),
    tunnel: existsSync('/dev/net/tun'),
    userManager: existsSync(`/run/user/${identity.uid}/systemd`),
    programs: Object.fromEntries(
      programNames.map((name) => [name, tools.find(name)]),
    ) as Facts['programs'],
    surroundings: surroundingsOf(env),
  };
}

const hints = [
  ['KUBERNETES_SERVICE_HOST', 'kubernetes'],
  ['GITHUB_ACTIONS', 'GitHub Actions'],
  ['GITLAB_CI', 'GitLab CI'],
  ['JENKINS_URL', 'Jenkins'],
  ['CODESPACES', 'Codespaces'],
] as const;

const marks = [
  ['/run/.containerenv', 'podman container'],
  ['/.dockerenv', 'docker container'],
  ['/proc/sys/fs/binfmt_misc/WSLInterop', 'WSL'],
  ['/dev/.cros_milestone', 'Crostini'],
] as const;

function surroundingsOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  return [
    ...hints.filter(([name]) => (env[name] ?? '') !== '').map(([, where]) => where),
    ...marks.filter(([path]) => existsSync(path)).map(([, where]) => where),
  ];
}

function helperMode(path: string | undefined): HelperMode {
  if (path === undefined) return 'absent';
  const setuid = 0o4000;
  return (statSync(path).mode & setuid) === 0 ? 'plain' : 'setuid';
}

function mapValues<K extends string, V>(
  record: Readonly<Record<K, string>>,
  change: (value: string) => V,
): Record<K, V> {
  return Object.fromEntries(
    Object.entries<string>(record).map(([key, value]) => [key, change(value)]),
  ) as Record<K, V>;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
