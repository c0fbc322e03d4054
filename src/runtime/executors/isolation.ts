/** Names the isolation level that a set of facts amounts to, see `IsolationLevel`. */

import { type Identity, ownsOneId } from '../machine/identity.ts';
import type { IsolationLevel } from '../ports.ts';

/** What an executor provides besides namespaces. */
export interface Protection {
  readonly freshProc: boolean;
  readonly seccomp: boolean;
}

/** Returns the level and what keeps it from being A; `best` when no executor could do better here. */
export function isolationOf(
  identity: Identity,
  protection: Protection,
): { isolation: IsolationLevel; limitations: readonly string[]; best: boolean } {
  const single = ownsOneId(identity);
  const weaknesses = [
    ...(protection.freshProc ? [] : ['the outer /proc is bound, because a fresh one is refused']),
    ...(protection.seccomp || identity.seccompFilter ? [] : ['no seccomp filter']),
    ...(identity.initialUserNamespace && !single
      ? ['root of the build is root of the machine']
      : []),
  ];
  const limitations = [...(single ? ['only one user id exists'] : []), ...weaknesses];
  const best = protection.freshProc && protection.seccomp;
  if (single || weaknesses.length > 1) return { isolation: 'C', limitations, best };
  return { isolation: weaknesses.length === 1 ? 'B' : 'A', limitations, best };
}
