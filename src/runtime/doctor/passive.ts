/** Findings that follow from looking alone; pure. */

import { countIds } from '../machine/identity.ts';
import { escalationFix, fileCapabilitiesFix, rangeFix } from './advice.ts';
import type { Facts, SysctlName } from './facts.ts';
import type { Finding } from './report.ts';

/** Returns what the facts mean for builds. */
export function passiveFindings(facts: Facts): readonly Finding[] {
  return [
    identityFinding(facts),
    ...sysctlFindings(facts),
    ...confinementFindings(facts),
    rangeFinding(facts),
    helperFinding(facts),
    procFinding(facts),
    tunnelFinding(facts),
    ...programFindings(facts),
  ];
}

/** Names where we are, in one line. */
export function describeEnvironment(facts: Facts): string {
  const { identity, surroundings, label } = facts;
  const name = identity.userName === undefined ? 'no passwd entry' : identity.userName;
  return [
    surroundings.length === 0 ? 'plain machine' : surroundings.join(', '),
    `uid ${identity.uid}:${identity.gid} (${name})`,
    ...(identity.initialUserNamespace
      ? []
      : [`${countIds(identity.uidMap)} ids of a user namespace`]),
    ...(identity.noNewPrivileges ? ['no_new_privs'] : []),
    ...(identity.seccompFilter ? ['seccomp filter'] : []),
    ...(label === undefined || label === '' || label === 'unconfined' ? [] : [`label ${label}`]),
  ].join(', ');
}

function identityFinding({ identity }: Facts): Finding {
  const { uid, gid, userName } = identity;
  if (userName !== undefined) {
    return { id: 'identity', status: 'pass', detail: `uid ${uid}, gid ${gid}, ${userName}` };
  }
  return {
    id: 'identity',
    status: 'warn',
    detail: `uid ${uid} is in no user database, so newuidmap will not serve it`,
    fix: `add an entry for uid ${uid} to /etc/passwd`,
  };
}

const sysctlRules: readonly {
  readonly name: SysctlName;
  readonly bad: string;
  readonly status: 'warn' | 'fail';
  readonly detail: string;
  readonly good: string;
}[] = [
  {
    name: 'user.max_user_namespaces',
    bad: '0',
    status: 'fail',
    detail: 'user namespaces are switched off',
    good: '28633',
  },
  {
    name: 'kernel.unprivileged_userns_clone',
    bad: '0',
    status: 'fail',
    detail: 'only root may make user namespaces',
    good: '1',
  },
  {
    name: 'kernel.apparmor_restrict_unprivileged_userns',
    bad: '1',
    status: 'warn',
    detail:
      'AppArmor takes all capabilities in new user namespaces away, except for programs with a profile',
    good: '0',
  },
];

function sysctlFindings({ sysctls }: Facts): readonly Finding[] {
  return sysctlRules.flatMap(({ name, bad, status, detail, good }): readonly Finding[] => {
    const value = sysctls[name];
    if (value === undefined) return [];
    if (value !== bad) return [{ id: name, status: 'pass', detail: `${name} = ${value}` }];
    return [{ id: name, status, detail, fix: `sysctl -w ${name}=${good}` }];
  });
}

function confinementFindings({ identity }: Facts): readonly Finding[] {
  const privileges: Finding = identity.noNewPrivileges
    ? {
        id: 'no-new-privs',
        status: 'warn',
        detail: 'no_new_privs is set: newuidmap has no effect, so only one id can be mapped',
        fix: escalationFix,
      }
    : { id: 'no-new-privs', status: 'pass', detail: 'programs may gain privileges' };
  const filter: Finding = identity.seccompFilter
    ? {
        id: 'seccomp',
        status: 'warn',
        detail: 'a seccomp filter is in force; it may deny namespaces',
      }
    : { id: 'seccomp', status: 'pass', detail: 'no seccomp filter is in force' };
  return [privileges, filter];
}

function rangeFinding(facts: Facts): Finding {
  if (facts.identity.uid === 0) {
    return { id: 'subordinate-ids', status: 'pass', detail: 'not needed by root' };
  }
  if (facts.noSubordinateIds === undefined) {
    return { id: 'subordinate-ids', status: 'pass', detail: 'this user has subordinate ids' };
  }
  return {
    id: 'subordinate-ids',
    status: 'warn',
    detail: facts.noSubordinateIds,
    ...optionalFix(rangeFix(facts)),
  };
}

function helperFinding(facts: Facts): Finding {
  const { newuidmap, newgidmap, identity } = facts;
  const id = 'newuidmap';
  if (newuidmap === 'absent' || newgidmap === 'absent') {
    const fix = 'install the package uidmap (shadow-utils)';
    return { id, status: 'warn', detail: 'newuidmap or newgidmap is missing', fix };
  }
  const inert = newuidmap === 'setuid' && !identity.bounding.includes('CAP_SYS_ADMIN');
  if (!inert) return { id, status: 'pass', detail: `newuidmap is there (${newuidmap})` };
  return {
    id,
    status: 'warn',
    detail:
      'newuidmap is setuid root, which without CAP_SYS_ADMIN in the bounding set has no effect',
    fix: fileCapabilitiesFix,
  };
}

function procFinding({ mounts }: Facts): Finding {
  const covered = mounts.filter(({ point }) => point.startsWith('/proc/'));
  if (covered.length === 0) return { id: 'proc', status: 'pass', detail: '/proc is whole' };
  return {
    id: 'proc',
    status: 'warn',
    detail: `/proc is masked in ${covered.length} places, so a fresh one is refused and the outer one gets bound`,
    fix: 'set procMount: Unmasked with hostUsers: false (docker: --security-opt systempaths=unconfined)',
  };
}

function tunnelFinding({ tunnel }: Facts): Finding {
  const detail = tunnel
    ? '/dev/net/tun is there'
    : 'without /dev/net/tun only the host network or none can be used';
  return { id: 'tunnel', status: tunnel ? 'pass' : 'warn', detail };
}

function programFindings({ programs }: Facts): readonly Finding[] {
  const packages = { unshare: 'util-linux', setpriv: 'util-linux', mount: 'mount' } as const;
  const missing = Object.entries(packages).filter(
    ([name]) => programs[name as keyof typeof packages] === undefined,
  );
  const runtimes = (['crun', 'runc', 'bwrap'] as const).filter((name) => programs[name]);
  const runtime: Finding =
    runtimes.length > 0
      ? { id: 'runtime', status: 'pass', detail: `found ${runtimes.join(', ')}` }
      : {
          id: 'runtime',
          status: 'warn',
          detail: 'no container runtime is installed; util-linux will do, without a seccomp filter',
          fix: 'install crun, runc or bubblewrap',
        };
  return [
    ...missing.map(([name, from]) => ({
      id: `program.${name}`,
      status: 'fail' as const,
      detail: `${name} is missing`,
      fix: `install ${from}`,
    })),
    runtime,
  ];
}

function optionalFix(fix: string | undefined): { fix?: string } {
  return fix === undefined ? {} : { fix };
}
