/** What would help against each way in which namespaces are denied (rootless.md B4, C2). */

import { countIds } from '../machine/identity.ts';
import type { Facts } from './facts.ts';

/** Why something was denied, and what to change. */
export interface Advice {
  readonly cause: string;
  readonly fix: string;
}

const podSeccomp =
  'in the pod spec set securityContext.seccompProfile to Unconfined, or to a Localhost profile that allows unshare, clone, mount and pivot_root';
const containerSeccomp =
  'start the container with --security-opt seccomp=unconfined, or with a profile that allows unshare, clone, mount and pivot_root';

/** Explains the errno that making a user namespace failed with. */
export function userNamespaceAdvice(errno: string | undefined, facts: Facts): Advice | undefined {
  switch (errno) {
    case 'ENOSPC':
      return {
        cause: 'the number of user namespaces is limited to none, or nested too deep',
        fix: 'sysctl -w user.max_user_namespaces=28633',
      };
    case 'ENOSYS':
      return {
        cause:
          "the container runtime's seccomp profile hides the system call, as CRI-O's default does",
        fix: seccompFix(facts),
      };
    case 'EINVAL':
      return {
        cause: 'the kernel was built or booted without user namespaces',
        fix: 'boot with user_namespace.enable=1, or use a newer kernel',
      };
    case 'EACCES':
      return securityModuleAdvice();
    case 'EPERM':
      return permissionAdvice(facts);
    default:
      return undefined;
  }
}

function permissionAdvice(facts: Facts): Advice {
  if (facts.sysctls['kernel.unprivileged_userns_clone'] === '0') {
    return {
      cause: 'a sysctl keeps user namespaces for root',
      fix: 'sysctl -w kernel.unprivileged_userns_clone=1',
    };
  }
  if (facts.identity.seccompFilter) {
    return {
      cause:
        "the container runtime's seccomp profile denies it, as the default of docker and containerd does",
      fix: seccompFix(facts),
    };
  }
  if (facts.sysctls['kernel.apparmor_restrict_unprivileged_userns'] === '1') {
    return appArmorAdvice;
  }
  return securityModuleAdvice();
}

/** For Ubuntu 24.04 and later, where unshare succeeds and everything after it fails. */
export const appArmorAdvice: Advice = {
  cause: 'AppArmor takes all capabilities in new user namespaces away',
  fix: 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or install podman, whose profile is exempt',
};

function securityModuleAdvice(): Advice {
  return {
    cause: 'a security module (SELinux, AppArmor) denies it',
    fix: 'run in a domain that may make user namespaces: on OpenShift the nested-container SCC with hostUsers: false',
  };
}

function seccompFix(facts: Facts): string {
  return facts.surroundings.includes('kubernetes') ? podSeccomp : containerSeccomp;
}

/** What makes newuidmap work again. */
export const escalationFix =
  'set allowPrivilegeEscalation: true in the pod spec, or start without no-new-privileges';

/** What makes newuidmap work where root in the pod lacks CAP_SYS_ADMIN. */
export const fileCapabilitiesFix =
  'give newuidmap and newgidmap file capabilities instead of the setuid bit: setcap cap_setuid=ep newuidmap, setcap cap_setgid=ep newgidmap, chmod u-s both';

/** What gives this user subordinate ids; undefined when it has some. */
export function rangeFix(facts: Facts): string | undefined {
  const { uid, userName } = facts.identity;
  if (userName === undefined) {
    return `add an entry for uid ${uid} to /etc/passwd, and a range for it to /etc/subuid and /etc/subgid`;
  }
  if (facts.noSubordinateIds === undefined) return undefined;
  const range = freeRange(facts);
  return `usermod --add-subuids ${range} --add-subgids ${range} ${userName}`;
}

/** What gives a full id map instead of a single id; undefined when nothing stands against one. */
export function fullMapFix(facts: Facts): string | undefined {
  const { identity } = facts;
  if (identity.noNewPrivileges) return escalationFix;
  if (facts.newuidmap === 'absent' || facts.newgidmap === 'absent') {
    return 'install the package uidmap (shadow-utils)';
  }
  const range = rangeFix(facts);
  if (range !== undefined) return range;
  const inert = facts.newuidmap === 'setuid' && !identity.bounding.includes('CAP_SYS_ADMIN');
  return inert ? fileCapabilitiesFix : undefined;
}

/** A range that lies inside the ids of this namespace. */
function freeRange({ identity }: Facts): string {
  const usual = 100_000;
  return countIds(identity.uidMap) > usual + 65_536 ? '100000-165535' : '1-999';
}
