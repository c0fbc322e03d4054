/**
 * bubblewrap as an executor: the quickest, and the only one that can be any user under a single id.
 *
 * It always runs in a user namespace of its own. Under a full id map that namespace is made for the
 * user of the run and handed over as a descriptor, since bubblewrap by itself maps one id only; see
 * `namespace/nested.ts`. Options travel through a pipe (`--args`), so no variable shows in any argv.
 */

import type { RuntimeDeps } from '../deps.ts';
import { helperEnvironment, runHelper } from '../machine/helper.ts';
import { limited } from '../machine/limits.ts';
import { openNestedNamespace } from '../namespace/nested.ts';
import type { ExitStatus, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { compileBpf } from '../seccomp/bpf.ts';
import { buildStepFilter } from '../seccomp/profile.ts';
import {
  type ExtraDescriptor,
  firstExtraDescriptor,
  type SupervisedCommand,
  type SupervisedExit,
  statusOf,
  supervise,
} from '../supervise.ts';
import { bwrapOptions } from './bwrap-options.ts';
import { isolationOf } from './isolation.ts';
import { probed } from './probed.ts';
import { isSingle, missingForNamespaces, refuseUnmappedUnlessSingle } from './refusals.ts';

/** Whether the kernel lets us mount a fresh /proc, or the outer one has to be bound. */
type ProcForm = 'fresh' | 'bound';

const argsDescriptor = firstExtraDescriptor;
const statusDescriptor = firstExtraDescriptor + 1;
const seccompDescriptor = firstExtraDescriptor + 2;
const namespaceDescriptor = firstExtraDescriptor + 3;

/** Returns the bubblewrap executor. */
export function bwrap(deps: RuntimeDeps): Runtime {
  const seccomp = buildStepFilter(false) !== undefined;
  return probed<ProcForm>(deps, {
    name: 'bwrap',
    forms: ['fresh', 'bound'],
    missing: () => missingForNamespaces(deps, ['bwrap', 'setpriv', 'unshare']),
    refusal: (needs) => refuseUnmappedUnlessSingle(deps, needs),
    describe: async (form) => ({
      ...isolationOf(deps.identity, { freshProc: form === 'fresh', seccomp }),
      fakeRoot: seccomp,
      version: await versionOf(deps.tools.find('bwrap') ?? 'bwrap'),
    }),
    run: (form, spec, stdio, signal) => run(deps, form, spec, stdio, signal),
  });
}

async function run(
  deps: RuntimeDeps,
  form: ProcForm,
  spec: RunSpec,
  stdio: RunStdio,
  signal: AbortSignal | undefined,
): Promise<ExitStatus> {
  using namespace = isSingle(deps) ? undefined : await openNestedNamespace(deps, spec.user);
  if (namespace?.failure !== undefined) return { code: 125, runtimeFailure: namespace.failure };
  const command = commandOf(deps, form, spec, namespace?.descriptor);
  const exit = await supervise(deps, command, stdio, signal);
  return statusOf(exit, form === 'fresh' ? failureOf(exit) : undefined);
}

function commandOf(
  deps: RuntimeDeps,
  form: ProcForm,
  spec: RunSpec,
  namespace: number | undefined,
): SupervisedCommand {
  const filter = buildStepFilter(spec.fakeRoot && isSingle(deps));
  const program = filter === undefined ? undefined : compileBpf(filter);
  const freshProc = form === 'fresh';
  const options = bwrapOptions(spec, {
    freshProc,
    hide: Object.keys(helperEnvironment),
    ...(namespace === undefined ? {} : { namespaceDescriptor }),
    ...(program === undefined ? {} : { seccompDescriptor }),
    ...(freshProc ? { statusDescriptor } : {}),
  });
  const extra: readonly ExtraDescriptor[] = [
    { kind: 'input', bytes: Buffer.from(options.map((option) => `${option}\0`).join('')) },
    { kind: 'output' },
    { kind: 'input', bytes: program ?? new Uint8Array() },
    ...(namespace === undefined ? [] : [{ kind: 'inherited', descriptor: namespace } as const]),
  ];
  const bwrapArgv = [deps.tools.find('bwrap') ?? 'bwrap', '--args', String(argsDescriptor), '--'];
  const argv = limited(deps, spec.limits, [...bwrapArgv, ...spec.args]);
  return {
    argv: namespace === undefined ? argv : becomeUser(deps, spec, argv),
    extra,
    ...(freshProc ? { namespaces: ['--mount'], mountProc: true } : {}),
  };
}

/** Without an exit code in its status report bubblewrap never got to the process. */
function failureOf(exit: SupervisedExit): string | undefined {
  if (!exit.started || exit.code >= 128) return undefined;
  const [status = ''] = exit.outputs;
  return status.includes('"exit-code"') ? undefined : 'bwrap could not set up the sandbox';
}

/** Bubblewrap accepts a namespace only from the user that owns it, and keeps that user's groups. */
function becomeUser(deps: RuntimeDeps, spec: RunSpec, argv: readonly string[]): readonly string[] {
  const { uid, gid, additionalGids } = spec.user;
  const groups =
    additionalGids.length === 0 ? ['--clear-groups'] : ['--groups', additionalGids.join()];
  const setpriv = deps.tools.find('setpriv') ?? 'setpriv';
  return [setpriv, `--reuid=${uid}`, `--regid=${gid}`, ...groups, '--', ...argv];
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await runHelper(program, ['--version']);
  return /[\d.]+/.exec(stdout)?.[0] ?? 'unknown';
}
