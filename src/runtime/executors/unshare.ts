/**
 * util-linux as an executor (unshare, mount, setpriv, and a shell): for machines without any container
 * runtime. A program of our own sets the seccomp filter, where one is written for the architecture.
 *
 * Root enters by chroot after the root filesystem has become that of the mount namespace. Another user
 * is set after the chroot, or, where just one id exists, by a nested user namespace that maps it.
 */

import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeDeps } from '../deps.ts';
import { runHelper } from '../machine/helper.ts';
import { ownsOneId } from '../machine/identity.ts';
import { limited } from '../machine/limits.ts';
import type { ExitStatus, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { enterCommand } from '../sandbox/enter.ts';
import { divideEnvironment, withLateVariables } from '../sandbox/environment.ts';
import { deviceNames, mountTables } from '../sandbox/fstab.ts';
import { findProgram } from '../sandbox/program.ts';
import { compileBpf } from '../seccomp/bpf.ts';
import type { SeccompFilter } from '../seccomp/filter.ts';
import { seccompLoader } from '../seccomp/loader.ts';
import { buildStepFilter, filterOfRun } from '../seccomp/profile.ts';
import { demandsOf, type ExtraDescriptor, firstExtraDescriptor } from '../supervise/command.ts';
import { statusOf, supervise } from '../supervise/supervise.ts';
import { isolationOf } from './isolation.ts';
import { probed } from './probed.ts';
import { missingForNamespaces, refuseUnmappedUnlessSingle } from './refusals.ts';
import { sandboxScript } from './unshare-script.ts';

/** What the surroundings allow. */
interface UnshareForm {
  readonly freshProc: boolean;
  readonly seccomp: boolean;
}

const forms: readonly UnshareForm[] = [
  { freshProc: true, seccomp: true },
  { freshProc: true, seccomp: false },
  { freshProc: false, seccomp: true },
  { freshProc: false, seccomp: false },
];

const loaderDescriptor = firstExtraDescriptor + 1;

/** The files that the shell program mounts from. */
interface TableFiles {
  readonly first: string;
  readonly second: string;
}

/** Returns the util-linux executor. */
export function unshare(deps: RuntimeDeps): Runtime {
  return probed<UnshareForm>(deps, {
    name: 'unshare',
    forms: forms.filter(
      ({ seccomp }) => !seccomp || loaderFor(buildStepFilter(false)) !== undefined,
    ),
    missing: () => missingForNamespaces(deps, ['unshare', 'mount', 'setpriv', 'sh', 'cat', 'ln']),
    refusal: (needs) => refuseUnmappedUnlessSingle(deps, needs),
    describe: async (form) => ({
      ...isolationOf(deps.identity, form),
      fakeRoot: form.seccomp,
      version: await versionOf(deps.tools.find('unshare') ?? 'unshare'),
    }),
    run: (form, spec, stdio, signal) => run(deps, form, spec, stdio, signal),
  });
}

async function run(
  deps: RuntimeDeps,
  form: UnshareForm,
  spec: RunSpec,
  stdio: RunStdio,
  signal: AbortSignal | undefined,
): Promise<ExitStatus> {
  const { exports, late } = divideEnvironment(spec.env);
  const args = withLateVariables(spec.rootfs, late, spec.args);
  if (typeof args === 'string') return { code: 125, runtimeFailure: args };
  const directory = join(deps.stateDirectory, `unshare-${spec.id}`);
  mkdirSync(directory, { mode: 0o700 });
  try {
    const files = writeTables(deps, directory, form, spec);
    using loader = form.seccomp ? openLoader(deps, directory, spec) : undefined;
    const network = spec.network === 'none' ? ['--net'] : [];
    const exit = await supervise(
      deps,
      {
        argv: limited(deps, spec.limits, [
          ...sandboxCommand(deps, spec, files),
          ...(loader === undefined ? args : loader.start(args)),
        ]),
        namespaces: ['--mount', '--ipc', '--uts', ...network],
        extra: [{ kind: 'input', bytes: Buffer.from(exports) }, ...(loader?.extra ?? [])],
        reportsStart: true,
        ...demandsOf(spec),
      },
      stdio,
      signal,
    );
    return statusOf(exit);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function writeTables(
  deps: RuntimeDeps,
  directory: string,
  form: UnshareForm,
  spec: RunSpec,
): TableFiles {
  const tables = mountTables(spec, form.freshProc, deps.identity);
  const files = { first: join(directory, 'first'), second: join(directory, 'second') };
  writeFileSync(files.first, tables.first, { mode: 0o600 });
  writeFileSync(files.second, tables.second, { mode: 0o600 });
  return files;
}

/** The program that sets the filter, and how it is run. */
interface OpenLoader extends Disposable {
  readonly extra: readonly ExtraDescriptor[];
  start(args: readonly string[]): readonly string[];
}

function openLoader(deps: RuntimeDeps, directory: string, spec: RunSpec): OpenLoader | undefined {
  const program = loaderFor(filterOfRun(spec, ownsOneId(deps.identity)));
  if (program === undefined) return undefined;
  const file = join(directory, 'loader');
  writeFileSync(file, program);
  chmodSync(file, 0o755);
  const descriptor = openSync(file, 'r');
  return {
    extra: [{ kind: 'inherited', descriptor }],
    start: ([name = '', ...rest]) => [
      `/proc/self/fd/${loaderDescriptor}`,
      findProgram(spec.rootfs, spec.env, name),
      ...rest,
    ],
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

function loaderFor(filter: SeccompFilter | undefined): Uint8Array | undefined {
  const program = filter === undefined ? undefined : compileBpf(filter);
  return program === undefined ? undefined : seccompLoader(program, loaderDescriptor);
}

function sandboxCommand(deps: RuntimeDeps, spec: RunSpec, files: TableFiles): readonly string[] {
  const tool = (name: string) => deps.tools.find(name) ?? '';
  const { uid, gid } = spec.user;
  // where one id exists, any other user than root is a mapping of it
  const nested = ownsOneId(deps.identity) && (uid !== 0 || gid !== 0);
  const root = nested ? spec.rootfs : '.';
  return [
    ...[tool('sh'), '-c', sandboxScript, 'sh', spec.rootfs, files.first, files.second],
    ...[deviceNames.join(' '), spec.hostname, nested ? 'stay' : 'move'],
    ...[spec.readOnlyRootfs ? 'yes' : '', tool('mount'), tool('cat'), tool('ln')],
    ...[tool('hostname'), spec.network === 'none' ? tool('ip') : '', '--'],
    ...enterCommand(deps, spec, { root, nested }),
  ];
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await runHelper(program, ['--version']);
  return /[\d.]+$/.exec(stdout.trim())?.[0] ?? 'unknown';
}
