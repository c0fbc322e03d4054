/**
 * No sandbox at all: the process runs in the root filesystem we are in, which is the builder image's.
 *
 * This is what remains in pods of the restricted profile, where every namespace is denied. The process
 * has our own id and sees what we see, so nothing secret may be within this process's reach while it
 * runs (isolation F).
 */

import { join } from 'node:path';
import type { RuntimeDeps } from '../deps.ts';
import { ownsOneId } from '../machine/identity.ts';
import { limited } from '../machine/limits.ts';
import type { ExitStatus, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { divideEnvironment, withLateVariables } from '../sandbox/environment.ts';
import { demandsOf } from '../supervise/command.ts';
import { statusOf, supervise } from '../supervise/supervise.ts';
import { directScript } from './direct-script.ts';
import { probed } from './probed.ts';
import { missingPrograms, refuseUnmappedUnlessSingle } from './refusals.ts';

/** Returns the in-place executor. */
export function inBuilder(deps: RuntimeDeps): Runtime {
  return probed<'in-place'>(deps, {
    name: 'in-builder',
    forms: ['in-place'],
    probeSpec: (spec) => ({
      ...spec,
      rootfs: '/',
      args: spec.args.map((program) => join(spec.rootfs, program)),
    }),
    missing: () => missingPrograms(deps, ['setpriv', 'sh', 'cat', 'env']),
    refusal: (needs) =>
      needs.network === 'host'
        ? refuseUnmappedUnlessSingle(deps, needs)
        : 'in-builder has no network but that of the host',
    describe: async () => ({
      isolation: 'F',
      limitations: ['the process runs in place, with our own id and in our own root filesystem'],
      best: true,
      fakeRoot: false,
    }),
    run: (_, spec, stdio, signal) => run(deps, spec, stdio, signal),
  });
}

async function run(
  deps: RuntimeDeps,
  spec: RunSpec,
  stdio: RunStdio,
  signal: AbortSignal | undefined,
): Promise<ExitStatus> {
  if (spec.rootfs !== '/') {
    return { code: 125, runtimeFailure: `in-builder runs in /, not in ${spec.rootfs}` };
  }
  if (spec.mounts.length > 0) {
    const targets = spec.mounts.map(({ target }) => target).join(', ');
    return { code: 125, runtimeFailure: `nothing can be mounted in place: ${targets}` };
  }
  const { exports, late } = divideEnvironment(spec.env);
  const args = withLateVariables(spec.rootfs, late, spec.args);
  if (typeof args === 'string') return { code: 125, runtimeFailure: args };
  const tool = (name: string) => deps.tools.find(name) ?? name;
  const shell = [tool('sh'), '-c', directScript, 'sh', tool('cat')];
  const exit = await supervise(
    deps,
    {
      argv: limited(deps, spec.limits, [...shell, ...asUser(deps, spec), ...args]),
      extra: [{ kind: 'input', bytes: Buffer.from(exports) }],
      reportsStart: true,
      ...demandsOf(spec),
      directory: spec.cwd,
    },
    stdio,
    signal,
  );
  return statusOf(exit);
}

/** Becomes the image's user where that is possible; a pod with a fixed random uid stays what it is. */
function asUser(deps: RuntimeDeps, { user }: RunSpec): readonly string[] {
  const setpriv = [deps.tools.find('setpriv') ?? 'setpriv', '--no-new-privs'];
  if (ownsOneId(deps.identity)) return [...setpriv, '--'];
  const { uid, gid, additionalGids } = user;
  const groups = additionalGids.length === 0 ? '--clear-groups' : `--groups=${additionalGids}`;
  return [...setpriv, `--reuid=${uid}`, `--regid=${gid}`, groups, '--'];
}
