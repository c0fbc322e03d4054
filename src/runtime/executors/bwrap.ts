/**
 * bubblewrap as an executor: the quickest, and the only one that can be any user under a single id.
 *
 * It always runs in a user namespace of its own. Under a full id map that namespace is made for the
 * user of the run and handed over as a descriptor, since bubblewrap by itself maps one id only; see
 * `namespace/nested.ts`. Options travel through a pipe (`--args`), so no variable shows in any argv.
 */

import type { RuntimeDeps } from '../deps.ts';
import { helperEnvironment, runHelper } from '../machine/helper.ts';
import { canMount, ownsOneId } from '../machine/identity.ts';
import { limited } from '../machine/limits.ts';
import { openNestedNamespace } from '../namespace/nested.ts';
import type { ExitStatus, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { compileBpf } from '../seccomp/bpf.ts';
import { buildStepFilter, filterOfRun } from '../seccomp/profile.ts';
import {
  demandsOf,
  type ExtraDescriptor,
  firstExtraDescriptor,
  type SupervisedCommand,
} from '../supervise/command.ts';
import { type SupervisedExit, statusOf, supervise } from '../supervise/supervise.ts';
import { type BwrapSetting, bwrapOptions } from './bwrap-options.ts';
import { isolationOf } from './isolation.ts';
import { probed } from './probed.ts';
import { missingPrograms, refuseUnmappedUnlessSingle } from './refusals.ts';

/** What the surroundings allow. */
type BwrapForm = Pick<BwrapSetting, 'freshProc' | 'hostname' | 'terminals'>;

const forms: readonly BwrapForm[] = [
  { freshProc: true, hostname: true, terminals: true },
  { freshProc: true, hostname: false, terminals: true },
  { freshProc: false, hostname: true, terminals: true },
  { freshProc: false, hostname: false, terminals: true },
  { freshProc: true, hostname: true, terminals: false },
  { freshProc: false, hostname: true, terminals: false },
  { freshProc: false, hostname: false, terminals: false },
];

/** Being another user than root takes bubblewrap more steps, so that is what is probed. */
const otherUser = { uid: 1001, gid: 0, additionalGids: [] };

const argsDescriptor = firstExtraDescriptor;
const statusDescriptor = firstExtraDescriptor + 1;
const seccompDescriptor = firstExtraDescriptor + 2;
const namespaceDescriptor = firstExtraDescriptor + 3;

/** Returns the bubblewrap executor. */
export function bwrap(deps: RuntimeDeps): Runtime {
  const seccomp = buildStepFilter(false) !== undefined;
  return probed<BwrapForm>(deps, {
    name: 'bwrap',
    forms,
    probeSpec: (spec) => (ownsOneId(deps.identity) ? { ...spec, user: otherUser } : spec),
    missing: () => missingPrograms(deps, ['bwrap', 'setpriv']) ?? missingPrivilege(deps),
    refusal: (needs) => refuseUnmappedUnlessSingle(deps, needs),
    describe: async ({ freshProc }) => ({
      ...isolationOf(deps.identity, { freshProc, seccomp }),
      fakeRoot: seccomp,
      version: await versionOf(deps.tools.find('bwrap') ?? 'bwrap'),
    }),
    run: (form, spec, stdio, signal) => run(deps, form, spec, stdio, signal),
  });
}

async function run(
  deps: RuntimeDeps,
  form: BwrapForm,
  spec: RunSpec,
  stdio: RunStdio,
  signal: AbortSignal | undefined,
): Promise<ExitStatus> {
  using namespace = ownsOneId(deps.identity)
    ? undefined
    : await openNestedNamespace(deps, spec.user);
  if (namespace?.failure !== undefined) return { code: 125, runtimeFailure: namespace.failure };
  const command = commandOf(deps, form, spec, namespace?.descriptor);
  const exit = await supervise(deps, command, stdio, signal);
  return statusOf(exit, failureOf(exit));
}

function commandOf(
  deps: RuntimeDeps,
  form: BwrapForm,
  spec: RunSpec,
  namespace: number | undefined,
): SupervisedCommand {
  const filter = filterOfRun(spec, ownsOneId(deps.identity));
  const program = filter === undefined ? undefined : compileBpf(filter);
  const options = bwrapOptions(spec, {
    ...form,
    statusDescriptor,
    hide: Object.keys(helperEnvironment),
    ...(namespace === undefined ? {} : { namespaceDescriptor }),
    ...(program === undefined ? {} : { seccompDescriptor }),
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
    ...demandsOf(spec),
    ...surroundings(deps, form),
  };
}

/**
 * bubblewrap looks its own child up in /proc by number, so a pid namespace around it comes with a fresh
 * /proc or not at all. Without one it still dies with its parent, and its sandbox with it.
 */
function surroundings(
  { identity }: RuntimeDeps,
  { freshProc }: BwrapForm,
): Partial<SupervisedCommand> {
  const may = freshProc && canMount(identity);
  return may ? { namespaces: ['--mount'], mountProc: true } : { pidNamespace: false };
}

/** It makes its user namespace by clone, which may be allowed where unshare is denied; root needs more. */
function missingPrivilege({ identity }: RuntimeDeps): string | undefined {
  return ownsOneId(identity) || canMount(identity) ? undefined : 'it needs a user namespace';
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
