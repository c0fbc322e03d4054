/** The executors in the order in which they are considered (rootless.md C1). */

import type { RuntimeDeps } from './deps.ts';
import { bwrap } from './executors/bwrap.ts';
import { chroot } from './executors/chroot.ts';
import { crun } from './executors/crun.ts';
import { inBuilder } from './executors/in-builder.ts';
import { podman } from './executors/podman.ts';
import { runc } from './executors/runc.ts';
import { unshare } from './executors/unshare.ts';
import type { Runtime } from './ports.ts';

/** Lists every executor for a process with these surroundings; whether one works is for its probe to say. */
export function runtimes(deps: RuntimeDeps): readonly Runtime[] {
  return [
    crun(deps),
    runc(deps),
    bwrap(deps),
    unshare(deps),
    podman(deps),
    chroot(deps),
    inBuilder(deps),
  ];
}
