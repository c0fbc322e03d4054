/** Seccomp profiles that a user might give. */

import { readSeccompProfile } from '../../../src/runtime/index.ts';

/** One by which no directory can be made, and everything else can. */
export const noDirectories = readSeccompProfile(
  JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
  }),
  'profile',
  { capabilities: [] },
);
