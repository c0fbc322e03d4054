/**
 * A plain change of root as an executor, for root in pods and containers that deny every namespace.
 *
 * There is no mount, so /proc stays empty, devices are made if the kernel lets us, and files stand in
 * for read-only file mounts. The process shares everything else with the surrounding container: this
 * keeps an honest build together, it does not hold a hostile root (isolation D).
 */

import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeDeps } from '../deps.ts';
import { runHelper } from '../machine/helper.ts';
import { limited } from '../machine/limits.ts';
import type { ExitStatus, RunNeeds, RunSpec, RunStdio, Runtime } from '../ports.ts';
import { chrootCommand } from '../sandbox/chroot-command.ts';
import { divideEnvironment, withLateVariables } from '../sandbox/environment.ts';
import { placeStandIns } from '../sandbox/stand-ins.ts';
import { demandsOf } from '../supervise/command.ts';
import { statusOf, supervise } from '../supervise/supervise.ts';
import { directScript } from './direct-script.ts';
import { probed } from './probed.ts';
import { missingPrograms, refuseUnmapped } from './refusals.ts';

/** Whether the bounding set can be narrowed, which takes CAP_SETPCAP. */
type ChrootForm = 'bounded' | 'unbounded';

/** Device numbers of what every process expects (Linux, devices.txt). */
const devices = [
  ['null', '1', '3'],
  ['zero', '1', '5'],
  ['full', '1', '7'],
  ['random', '1', '8'],
  ['urandom', '1', '9'],
  ['tty', '5', '0'],
] as const;

/** Returns the chroot executor. */
export function chroot(deps: RuntimeDeps): Runtime {
  return probed<ChrootForm>(deps, {
    name: 'chroot',
    forms: ['bounded', 'unbounded'],
    missing: () => missing(deps),
    refusal: (needs) => refusal(deps, needs),
    describe: async () => ({
      isolation: 'D',
      limitations: ['only the root directory is separate: processes, network and ids are shared'],
      best: true,
      fakeRoot: false,
    }),
    run: (form, spec, stdio, signal) => run(deps, form, spec, stdio, signal),
  });
}

function missing(deps: RuntimeDeps): string | undefined {
  const missing = missingPrograms(deps, ['chroot', 'setpriv', 'sh', 'cat']);
  if (missing !== undefined) return missing;
  return deps.identity.effective.includes('CAP_SYS_CHROOT')
    ? undefined
    : 'it needs root with CAP_SYS_CHROOT';
}

function refusal(deps: RuntimeDeps, needs: RunNeeds): string | undefined {
  if (needs.network !== 'host') return 'chroot has no network but that of the host';
  return refuseUnmapped(deps, needs);
}

async function run(
  deps: RuntimeDeps,
  form: ChrootForm,
  spec: RunSpec,
  stdio: RunStdio,
  signal: AbortSignal | undefined,
): Promise<ExitStatus> {
  const { exports, late } = divideEnvironment(spec.env);
  const args = withLateVariables(spec.rootfs, late, spec.args);
  if (typeof args === 'string') return { code: 125, runtimeFailure: args };
  const directory = join(deps.stateDirectory, `chroot-${spec.id}`);
  mkdirSync(directory, { mode: 0o700 });
  try {
    using standIns = standInsOf(spec, directory);
    if (standIns.failure !== undefined) return { code: 125, runtimeFailure: standIns.failure };
    using _made = forgetWhatIsMade(spec.rootfs);
    await makeDevices(deps, spec.rootfs);
    const command = chrootCommand(deps, spec, args, form === 'bounded');
    if (typeof command === 'string') return { code: 125, runtimeFailure: command };
    const shell = [deps.tools.find('sh') ?? '', '-c', directScript, 'sh'];
    const argv = [...shell, deps.tools.find('cat') ?? '', ...command];
    const exit = await supervise(
      deps,
      {
        argv: limited(deps, spec.limits, argv),
        extra: [{ kind: 'input', bytes: Buffer.from(exports) }],
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

function standInsOf(spec: RunSpec, keep: string): Disposable & { readonly failure?: string } {
  const placed = placeStandIns(spec.rootfs, spec.mounts, keep);
  return typeof placed === 'string' ? { failure: placed, [Symbol.dispose]: () => {} } : placed;
}

/** What lies in these belongs to the machine, and is no part of an image. */
const ofMachine = ['dev', 'proc', 'sys'];

/** Takes away what a run leaves where others have mounts: devices, and plain files that were written in their place. */
function forgetWhatIsMade(rootfs: string): Disposable {
  const before = ofMachine.map((name) => {
    const path = join(rootfs, name);
    return { path, names: new Set(entriesOf(path)) };
  });
  return {
    [Symbol.dispose]: () => {
      for (const { path, names } of before)
        for (const name of entriesOf(path))
          if (!names.has(name)) rmSync(join(path, name), { recursive: true, force: true });
    },
  };
}

/** Nothing where there is no directory; a symbolic link of the image may lead out of it. */
function entriesOf(path: string): readonly string[] {
  return isDirectory(path) ? readdirSync(path) : [];
}

function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Makes the devices that are missing, where that is allowed. */
async function makeDevices(deps: RuntimeDeps, rootfs: string): Promise<void> {
  const mknod = deps.tools.find('mknod');
  const directory = join(rootfs, 'dev');
  if (mknod === undefined || !isDirectory(directory)) return;
  await Promise.all(
    devices.map(async ([name, major, minor]) => {
      const path = join(directory, name);
      const { code } = await runHelper(mknod, [path, 'c', major, minor]);
      if (code === 0) chmodSync(path, 0o666);
    }),
  );
}
