/**
 * What runc and crun have in common: a bundle directory, a state directory of our own, one `run`, and a
 * `delete` whatever happened.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeDeps } from '../deps.ts';
import { runHelper } from '../machine/helper.ts';
import { ownsOneId } from '../machine/identity.ts';
import { type BundleForm, bundleConfig } from '../oci/config.ts';
import type { ExitStatus, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { prepareTmpfs } from '../sandbox/tmpfs.ts';
import { ociSeccomp } from '../seccomp/oci.ts';
import { buildStepFilter, filterOfRun } from '../seccomp/profile.ts';
import { demandsOf, type SupervisedCommand } from '../supervise/command.ts';
import { statusOf, supervise } from '../supervise/supervise.ts';
import { startGuard } from './guard.ts';
import { isolationOf } from './isolation.ts';
import { probed } from './probed.ts';
import { missingForNamespaces, refuseUnmapped } from './refusals.ts';

/** How a program of this family differs from its siblings. */
export interface OciDialect {
  readonly name: 'runc' | 'crun';
  /** Options in front of the command `run`, after the state directory and the log file. */
  readonly globalOptions: readonly string[];
  /** Makes control groups of its own wherever it may, which real root may everywhere. */
  readonly makesGroups: boolean;
}

/** A form of running that a machine may allow. */
interface OciForm extends BundleForm {
  /** chroot instead of pivot_root, which some seccomp profiles deny. */
  readonly noPivot: boolean;
}

const forms: readonly OciForm[] = [
  { freshProc: true, hostname: true, noPivot: false },
  { freshProc: true, hostname: true, noPivot: true },
  { freshProc: true, hostname: false, noPivot: false },
  { freshProc: false, hostname: false, noPivot: false },
  { freshProc: false, hostname: false, noPivot: true },
];

/** Returns the executor of a program of the runc family. */
export function ociRuntime(deps: RuntimeDeps, dialect: OciDialect): Runtime {
  const { name } = dialect;
  const seccomp = buildStepFilter(false) !== undefined;
  return probed<OciForm>(deps, {
    name,
    staysInGroup: !dialect.makesGroups || !deps.identity.initialUserNamespace,
    forms,
    // control groups are the same for every form
    isFinal: (reason) => reason.includes('cgroup'),
    missing: () => missingForNamespaces(deps, [name]),
    refusal: (needs) => refuseUnmapped(deps, needs),
    describe: async ({ freshProc }) => ({
      ...isolationOf(deps.identity, { freshProc, seccomp }),
      fakeRoot: seccomp,
      version: await versionOf(deps.tools.find(name) ?? name),
    }),
    run: (form, spec, stdio, signal) => run(deps, dialect, form, spec, stdio, signal),
  });
}

async function run(
  deps: RuntimeDeps,
  { name, globalOptions }: OciDialect,
  form: OciForm,
  spec: RunSpec,
  stdio: RunStdio,
  signal: AbortSignal | undefined,
): Promise<ExitStatus> {
  const directory = join(deps.stateDirectory, `${name}-${spec.id}`);
  const log = join(directory, 'log.json');
  const program = deps.tools.find(name) ?? name;
  const state = ['--root', join(directory, 'state'), '--log', log, '--log-format', 'json'];
  const options = [...state, ...globalOptions];
  const pivot = form.noPivot ? ['--no-pivot'] : [];
  mkdirSync(directory, { mode: 0o700 });
  try {
    await using _guard = form.freshProc
      ? undefined
      : startGuard(deps, [program, ...options, 'delete', '--force', spec.id]);
    await using prepared = await prepareTmpfs(deps, spec.mounts, directory);
    writeBundle(deps, directory, form, { ...spec, mounts: prepared.mounts });
    const argv = [
      ...[program, ...options, 'run', '--no-new-keyring', ...pivot],
      ...['--bundle', directory, spec.id],
    ];
    const exit = await supervise(
      deps,
      { argv, ...demandsOf(spec), ...surroundings(form) },
      stdio,
      signal,
    );
    return statusOf(exit, exit.code === 0 ? undefined : lastError(log));
  } finally {
    await runHelper(program, [...options, 'delete', '--force', spec.id]);
    rmSync(directory, { recursive: true, force: true });
  }
}

/** These programs look for their container's first process in /proc, by its number. */
function surroundings({ freshProc }: OciForm): Partial<SupervisedCommand> {
  return freshProc ? { namespaces: ['--mount'], mountProc: true } : { pidNamespace: false };
}

function writeBundle(deps: RuntimeDeps, directory: string, form: OciForm, spec: RunSpec): void {
  const filter = filterOfRun(spec, ownsOneId(deps.identity));
  const seccomp = filter === undefined ? undefined : ociSeccomp(filter);
  const config = bundleConfig(spec, form, deps.identity, seccomp);
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
}

/** The runtime's own last error in its log; it logs none when just the process failed. */
function lastError(log: string): string | undefined {
  const lines = readOr(log).split('\n');
  return lines
    .filter((line) => line !== '')
    .flatMap(errorOf)
    .at(-1);
}

function errorOf(line: string): readonly string[] {
  try {
    const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown };
    const failed = level === undefined || level === 'error' || level === 'fatal';
    return failed && typeof msg === 'string' ? [msg] : [];
  } catch {
    return [line];
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await runHelper(program, ['--version']);
  return /\d+(?:\.\d+)+[^\s]*/.exec(stdout)?.[0] ?? 'unknown';
}
