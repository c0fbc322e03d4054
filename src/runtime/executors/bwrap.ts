/**
 * bubblewrap as an executor: the quickest, and the only one that can be any user under a single id.
 *
 * It always runs in a user namespace of its own. Under a full id map that namespace is made for the
 * user of the run and handed over as a descriptor, since bubblewrap by itself maps one id only; see
 * `namespace/nested.ts`. Options travel through a pipe (`--args`), so no variable shows in any argv.
 */

import type { RuntimeDeps } from '../deps.ts';
import { grantable } from '../machine/capabilities.ts';
import { runHelper } from '../machine/helper.ts';
import { canMount, countIds, isMapped } from '../machine/identity.ts';
import { limited } from '../machine/limits.ts';
import { openNestedNamespace } from '../namespace/nested.ts';
import type {
  Capability,
  ExitStatus,
  RunMount,
  RunNeeds,
  RunSpec,
  RunStdio,
  Runtime,
} from '../ports.ts';
import { checkSpec } from '../sandbox/check.ts';
import { cgroupPath, kindOf, maskedPaths, readOnlyPaths } from '../sandbox/paths.ts';
import { compileBpf } from '../seccomp/bpf.ts';
import { buildStepFilter } from '../seccomp/profile.ts';
import { type ExtraDescriptor, type SupervisedExit, statusOf, supervise } from '../supervise.ts';
import { isolationOf } from './isolation.ts';
import { firstWorking, unusable } from './probe.ts';

/** Whether the kernel lets us mount a fresh /proc, or the outer one has to be bound. */
type ProcForm = 'fresh' | 'bound';

/** Numbers of the descriptors that bubblewrap is told about, in the order of `extra`. */
const argsDescriptor = 5;
const statusDescriptor = 6;
const seccompDescriptor = 7;
const namespaceDescriptor = 8;

/** The bubblewrap executor. */
export class Bwrap implements Runtime {
  readonly name = 'bwrap';
  readonly #deps: RuntimeDeps;
  #form: ProcForm | undefined;
  #answer: Promise<Capability> | undefined;

  constructor(deps: RuntimeDeps) {
    this.#deps = deps;
  }

  probe(signal?: AbortSignal): Promise<Capability> {
    this.#answer ??= this.#probe(signal);
    return this.#answer;
  }

  refusal({ user }: RunNeeds): string | undefined {
    const { uidMap, gidMap } = this.#deps.identity;
    if (countIds(uidMap) === 1) return undefined;
    if (isMapped(uidMap, user.uid) && isMapped(gidMap, user.gid)) return undefined;
    return `${user.uid}:${user.gid} does not exist in this user namespace`;
  }

  async run(spec: RunSpec, stdio: RunStdio, signal?: AbortSignal): Promise<ExitStatus> {
    const capability = await this.probe(signal);
    if (this.#form === undefined) {
      return { code: 125, runtimeFailure: capability.usable ? '' : capability.reason };
    }
    return await this.#run(this.#form, checkSpec(spec), stdio, signal);
  }

  async #probe(signal: AbortSignal | undefined): Promise<Capability> {
    const { tools, identity } = this.#deps;
    const program = tools.find('bwrap');
    if (program === undefined) {
      return { usable: false, reason: 'bwrap (bubblewrap) is not installed' };
    }
    if (!canMount(identity)) return { usable: false, reason: 'it needs a user namespace' };
    const forms: readonly ProcForm[] = ['fresh', 'bound'];
    const found = await firstWorking(this.#deps, forms, this.#run.bind(this), signal);
    if ('reason' in found) return unusable(found);
    this.#form = found.form;
    const { stdout } = await runHelper(program, ['--version']);
    const seccomp = buildStepFilter(false) !== undefined;
    return {
      usable: true,
      ...isolationOf(
        { ...identity, initialUserNamespace: false },
        { freshProc: found.form === 'fresh', seccomp },
      ),
      fakeRoot: seccomp,
      version: stdout.replace(/^bubblewrap\s*/, '').trim(),
    };
  }

  async #run(
    form: ProcForm,
    spec: RunSpec,
    stdio: RunStdio,
    signal: AbortSignal | undefined,
  ): Promise<ExitStatus> {
    const { tools, identity } = this.#deps;
    const single = countIds(identity.uidMap) === 1;
    using namespace = single ? undefined : await openNestedNamespace(this.#deps, spec.user);
    if (typeof namespace?.failure === 'string') {
      return { code: 125, runtimeFailure: namespace.failure };
    }
    const filter = compileFilter(spec.fakeRoot && single);
    const options = [
      ...ownNamespace(spec, namespace?.descriptor !== undefined),
      ...sandbox(spec, form),
      ...(filter === undefined ? [] : ['--seccomp', String(seccompDescriptor)]),
    ];
    const extra: readonly ExtraDescriptor[] = [
      { kind: 'input', bytes: Buffer.from(options.map((option) => `${option}\0`).join('')) },
      { kind: 'output' },
      { kind: 'input', bytes: filter ?? new Uint8Array() },
      ...(namespace?.descriptor === undefined
        ? []
        : [{ kind: 'descriptor' as const, descriptor: namespace.descriptor }]),
    ];
    const bwrap = [tools.find('bwrap') ?? 'bwrap', '--args', String(argsDescriptor)];
    const argv = limited(this.#deps, spec.limits, [...bwrap, '--', ...spec.args]);
    const asUser = single ? argv : becomeUser(this.#deps, spec, argv);
    const proc = form === 'fresh' ? { namespaces: ['--mount'], mountProc: true } : {};
    const exit = await supervise(this.#deps, { argv: asUser, extra, ...proc }, stdio, signal);
    return statusOf(exit, form === 'fresh' ? failureOf(exit) : undefined);
  }
}

/** Returns the bubblewrap executor. */
export function bwrap(deps: RuntimeDeps): Runtime {
  return new Bwrap(deps);
}

function compileFilter(fakeRoot: boolean): Uint8Array | undefined {
  const filter = buildStepFilter(fakeRoot);
  return filter === undefined ? undefined : compileBpf(filter);
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

function ownNamespace(spec: RunSpec, handedOver: boolean): readonly string[] {
  const { uid, gid } = spec.user;
  // blocking on the namespace's descriptor returns at once and closes it before the process starts
  const namespace = String(namespaceDescriptor);
  return [
    ...(handedOver ? ['--userns', namespace, '--block-fd', namespace] : ['--unshare-user']),
    ...['--uid', String(uid), '--gid', String(gid)],
    ...['--cap-drop', 'ALL'],
    ...(uid === 0 ? grantable(spec.capabilities).flatMap((name) => ['--cap-add', name]) : []),
  ];
}

function sandbox(spec: RunSpec, form: ProcForm): readonly string[] {
  return [
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--hostname', spec.hostname],
    ...(spec.network === 'none' ? ['--unshare-net'] : []),
    ...['--die-with-parent', '--new-session'],
    // the report names namespaces by way of /proc, so it needs one that fits bubblewrap's own pids
    ...(form === 'fresh' ? ['--json-status-fd', String(statusDescriptor)] : []),
    ...[spec.readOnlyRootfs ? '--ro-bind' : '--bind', spec.rootfs, '/'],
    ...(form === 'fresh' ? ['--proc', '/proc'] : ['--ro-bind', '/proc', '/proc']),
    ...['--dev', '/dev', '--mqueue', '/dev/mqueue', '--ro-bind', '/sys', '/sys'],
    ...(form === 'fresh' ? masks() : []),
    ...spec.mounts.flatMap(renderMount),
    ...['--chdir', spec.cwd],
    ...['--unsetenv', 'LC_ALL', '--unsetenv', 'PATH'],
    ...spec.env.flatMap(renderVariable),
  ];
}

function masks(): readonly string[] {
  const hide = (path: string) => ['--tmpfs', path, '--remount-ro', path];
  return [
    ...readOnlyPaths.filter((path) => kindOf(path)).flatMap((path) => ['--ro-bind', path, path]),
    ...maskedPaths().flatMap(({ path, kind }) =>
      kind === 'file' ? ['--ro-bind', '/dev/null', path] : hide(path),
    ),
    ...(kindOf(cgroupPath) === undefined ? [] : hide(cgroupPath)),
  ];
}

function renderMount(mount: RunMount): readonly string[] {
  if (mount.kind === 'bind') {
    return [mount.readOnly ? '--ro-bind' : '--bind', mount.source, mount.target];
  }
  return [
    ...(mount.mode === undefined ? [] : ['--perms', `0${mount.mode.toString(8)}`]),
    ...(mount.sizeBytes === undefined ? [] : ['--size', String(mount.sizeBytes)]),
    ...['--tmpfs', mount.target],
  ];
}

function renderVariable(variable: string): readonly string[] {
  const equals = variable.indexOf('=');
  if (equals < 1) return [];
  return ['--setenv', variable.slice(0, equals), variable.slice(equals + 1)];
}
