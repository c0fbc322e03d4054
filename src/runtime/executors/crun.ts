/** crun (containers/crun) as an executor. */

import type { RuntimeDeps } from '../deps.ts';
import type { Runtime } from '../ports.ts';
import { ociRuntime } from './oci-runtime.ts';

/** Returns the crun executor. */
export function crun(deps: RuntimeDeps): Runtime {
  return ociRuntime(deps, {
    name: 'crun',
    globalOptions: ['--cgroup-manager=disabled'],
    makesGroups: false,
  });
}
