/**
 * util-linux as an executor (unshare, mount, setpriv, and a shell): for machines without any container
 * runtime. It has no seccomp filter of ours; everything else is as with the others.
 *
 * Root enters by chroot after the root filesystem has become that of the mount namespace. Another user
 * is set after the chroot, or, where just one id exists, by a nested user namespace that maps it.
 */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeDeps } from '../deps.ts';
import { grantable } from '../machine/capabilities.ts';
import { runHelper } from '../machine/helper.ts';
import { canMount, countIds, isMapped } from '../machine/identity.ts';
import { limited } from '../machine/limits.ts';
import type { Capability, ExitStatus, RunNeeds, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { checkSpec } from '../sandbox/check.ts';
import { divideEnvironment, withLateVariables } from '../sandbox/environment.ts';
import { deviceNames, mountTables } from '../sandbox/fstab.ts';
import { statusOf, supervise } from '../supervise.ts';
import { isolationOf } from './isolation.ts';
import { firstWorking, unusable } from './probe.ts';
import { sandboxScript } from './unshare-script.ts';

type ProcForm = 'fresh' | 'bound';

const programs = ['unshare', 'mount', 'setpriv', 'sh', 'cat', 'ln'] as const;

/** The util-linux executor. */
export class Unshare implements Runtime {
  readonly name = 'unshare';
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
    const missing = programs.filter((name) => tools.find(name) === undefined);
    if (missing.length > 0)
      return { usable: false, reason: `not installed: ${missing.join(', ')}` };
    if (!canMount(identity)) return { usable: false, reason: 'it needs a user namespace' };
    const forms: readonly ProcForm[] = ['fresh', 'bound'];
    const found = await firstWorking(this.#deps, forms, this.#run.bind(this), signal);
    if ('reason' in found) return unusable(found);
    this.#form = found.form;
    const { stdout } = await runHelper(tools.find('unshare') ?? 'unshare', ['--version']);
    return {
      usable: true,
      ...isolationOf(identity, { freshProc: found.form === 'fresh', seccomp: false }),
      fakeRoot: false,
      version: /[\d.]+$/.exec(stdout.trim())?.[0] ?? 'unknown',
    };
  }

  async #run(
    form: ProcForm,
    spec: RunSpec,
    stdio: RunStdio,
    signal: AbortSignal | undefined,
  ): Promise<ExitStatus> {
    const { exports, late } = divideEnvironment(spec.env);
    const args = withLateVariables(spec.rootfs, late, spec.args);
    if (typeof args === 'string') return { code: 125, runtimeFailure: args };
    const directory = join(this.#deps.stateDirectory, `unshare-${spec.id}`);
    mkdirSync(directory, { mode: 0o700 });
    try {
      const tables = mountTables(spec, form === 'fresh', this.#deps.identity);
      const [first, second] = [join(directory, 'first'), join(directory, 'second')];
      writeFileSync(first, tables.first);
      writeFileSync(second, tables.second);
      const network = spec.network === 'none' ? ['--net'] : [];
      const exit = await supervise(
        this.#deps,
        {
          argv: limited(this.#deps, spec.limits, this.#argv(spec, first, second, args)),
          namespaces: ['--mount', '--ipc', '--uts', ...network],
          extra: [{ kind: 'input', bytes: Buffer.from(exports) }],
          reportsStart: true,
        },
        stdio,
        signal,
      );
      return statusOf(exit);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  #argv(spec: RunSpec, first: string, second: string, args: readonly string[]): readonly string[] {
    const tool = (name: string) => this.#deps.tools.find(name) ?? '';
    const nested = this.#isNested(spec);
    return [
      ...[tool('sh'), '-c', sandboxScript, 'sh', spec.rootfs, first, second],
      ...[deviceNames.join(' '), spec.hostname, nested ? 'stay' : 'move'],
      ...[spec.readOnlyRootfs ? 'yes' : '', tool('mount'), tool('cat'), tool('ln')],
      ...[tool('hostname'), spec.network === 'none' ? tool('ip') : '', '--'],
      ...this.#enter(spec, nested),
      ...args,
    ];
  }

  /** Where one id exists, any other user than root is a mapping of it. */
  #isNested({ user }: RunSpec): boolean {
    return countIds(this.#deps.identity.uidMap) === 1 && (user.uid !== 0 || user.gid !== 0);
  }

  #enter(spec: RunSpec, nested: boolean): readonly string[] {
    const tool = (name: string) => this.#deps.tools.find(name) ?? name;
    const { uid, gid } = spec.user;
    const root = nested ? spec.rootfs : '.';
    const maps = nested ? ['--user', `--map-user=${uid}`, `--map-group=${gid}`] : [];
    const setuid = nested || uid === 0 ? [] : [`--setuid=${uid}`];
    return [
      ...[tool('setpriv'), '--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all'],
      ...(nested ? [] : [`--bounding-set=${boundingSet(spec)}`]),
      ...this.#groups(spec),
      '--',
      ...[tool('unshare'), ...maps, `--root=${root}`, `--wd=${spec.cwd}`, ...setuid, '--'],
    ];
  }

  #groups({ user }: RunSpec): readonly string[] {
    if (countIds(this.#deps.identity.gidMap) === 1) return [];
    const { gid, additionalGids } = user;
    const groups =
      additionalGids.length === 0 ? '--clear-groups' : `--groups=${additionalGids.join()}`;
    return [`--regid=${gid}`, groups];
  }
}

/** Returns the util-linux executor. */
export function unshare(deps: RuntimeDeps): Runtime {
  return new Unshare(deps);
}

/** What the last steps need stays in: a process that is not root has no capabilities anyhow. */
function boundingSet({ capabilities, user }: RunSpec): string {
  const needed = user.uid === 0 ? ['CAP_SYS_CHROOT'] : ['CAP_SYS_CHROOT', 'CAP_SETUID'];
  const kept = new Set([...grantable(capabilities), ...needed]);
  return ['-all', ...[...kept].map((name) => `+${name.slice(4).toLowerCase()}`)].join();
}
