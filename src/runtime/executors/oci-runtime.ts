/**
 * What runc and crun have in common: a bundle directory, a state directory of our own, one `run`, and a
 * `delete` whatever happened.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeDeps } from '../deps.ts';
import { runHelper } from '../machine/helper.ts';
import { canMount, countIds, isMapped } from '../machine/identity.ts';
import { type BundleForm, bundleConfig } from '../oci/config.ts';
import type { Capability, ExitStatus, RunNeeds, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { checkSpec } from '../sandbox/check.ts';
import { ociSeccomp } from '../seccomp/oci.ts';
import { buildStepFilter } from '../seccomp/profile.ts';
import { statusOf, supervise } from '../supervise.ts';
import { isolationOf } from './isolation.ts';
import { firstWorking, unusable } from './probe.ts';

/** How a program of this family differs from its siblings. */
export interface OciDialect {
  readonly name: 'runc' | 'crun';
  /** Options in front of the command `run`, after the state directory and the log file. */
  readonly globalOptions: readonly string[];
}

/** A form of running that a machine may allow. */
interface OciForm {
  readonly bundle: BundleForm;
  /** chroot instead of pivot_root, which some seccomp profiles deny. */
  readonly noPivot: boolean;
}

const forms: readonly OciForm[] = [
  { bundle: 'full', noPivot: false },
  { bundle: 'restricted', noPivot: false },
  { bundle: 'restricted', noPivot: true },
];

/** A runtime that is a program of the runc family. */
export class OciRuntime implements Runtime {
  readonly name: OciDialect['name'];
  readonly #deps: RuntimeDeps;
  readonly #dialect: OciDialect;
  #form: OciForm | undefined;
  #answer: Promise<Capability> | undefined;

  constructor(deps: RuntimeDeps, dialect: OciDialect) {
    this.#deps = deps;
    this.#dialect = dialect;
    this.name = dialect.name;
  }

  probe(signal?: AbortSignal): Promise<Capability> {
    this.#answer ??= this.#probe(signal);
    return this.#answer;
  }

  refusal({ user }: RunNeeds): string | undefined {
    const { uidMap, gidMap } = this.#deps.identity;
    if (!isMapped(uidMap, user.uid) || !isMapped(gidMap, user.gid)) {
      return `${this.name} cannot run as ${user.uid}:${user.gid}, which does not exist in this user namespace`;
    }
    return undefined;
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
    const program = tools.find(this.name);
    if (program === undefined) return { usable: false, reason: `${this.name} is not installed` };
    if (!canMount(identity)) return { usable: false, reason: 'it needs a user namespace' };
    const found = await firstWorking(this.#deps, forms, this.#run.bind(this), signal);
    if ('reason' in found) return unusable(found);
    this.#form = found.form;
    const version = await versionOf(program);
    const seccomp = buildStepFilter(false) !== undefined;
    return {
      usable: true,
      ...isolationOf(identity, { freshProc: found.form.bundle === 'full', seccomp }),
      fakeRoot: seccomp,
      ...(version === undefined ? {} : { version }),
    };
  }

  async #run(
    form: OciForm,
    spec: RunSpec,
    stdio: RunStdio,
    signal: AbortSignal | undefined,
  ): Promise<ExitStatus> {
    const directory = join(this.#deps.stateDirectory, `${this.name}-${spec.id}`);
    const log = join(directory, 'log.json');
    const program = [
      this.#deps.tools.find(this.name) ?? this.name,
      ...['--root', join(directory, 'state'), '--log', log, '--log-format', 'json'],
      ...this.#dialect.globalOptions,
    ];
    mkdirSync(directory, { mode: 0o700 });
    try {
      this.#writeBundle(directory, form, spec);
      const pivot = form.noPivot ? ['--no-pivot'] : [];
      const exit = await supervise(
        this.#deps,
        {
          argv: [...program, 'run', '--no-new-keyring', ...pivot, '--bundle', directory, spec.id],
          namespaces: ['--mount'],
          mountProc: form.bundle === 'full',
        },
        stdio,
        signal,
      );
      const failure = exit.code === 0 ? undefined : lastError(log);
      return statusOf(exit, failure);
    } finally {
      await runHelper(program[0] ?? '', [...program.slice(1), 'delete', '--force', spec.id]);
      rmSync(directory, { recursive: true, force: true });
    }
  }

  #writeBundle(directory: string, form: OciForm, spec: RunSpec): void {
    const filter = buildStepFilter(spec.fakeRoot && countIds(this.#deps.identity.uidMap) === 1);
    const seccomp = filter === undefined ? undefined : ociSeccomp(filter);
    const config = bundleConfig(spec, form.bundle, this.#deps.identity, seccomp);
    writeFileSync(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  }
}

/** The runtime's own last error in its log; it logs none when just the process failed. */
function lastError(log: string): string | undefined {
  const errors = readOr(log)
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => errorOf(line));
  return errors.at(-1);
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

async function versionOf(program: string): Promise<string | undefined> {
  const { stdout } = await runHelper(program, ['--version']);
  return /\d+(?:\.\d+)+[^\s]*/.exec(stdout)?.[0];
}
