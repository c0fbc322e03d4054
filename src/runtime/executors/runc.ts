/** runc (opencontainers/runc) as an executor. */

import type { RuntimeDeps } from '../deps.ts';
import type { Runtime } from '../ports.ts';
import { ociRuntime } from './oci-runtime.ts';

/** Returns the runc executor. */
export function runc(deps: RuntimeDeps): Runtime {
  // without access to control groups runc then goes on instead of failing
  return ociRuntime(deps, { name: 'runc', globalOptions: ['--rootless=true'], makesGroups: true });
}
