/** The inside of a scenario: a busybox root filesystem and the real executors, in the namespaces. */

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BuildError } from '../../../src/errors/index.ts';
import {
  closeInheritedDescriptors,
  defaultCapabilities,
  type ExitStatus,
  type RunSpec,
  type Runtime,
  readIdentity,
  runtimes,
  searchTools,
} from '../../../src/runtime/index.ts';
import { makeBusyboxRootfs } from './busybox.ts';
import type { Scenario, ScenarioOutcome, ScenarioRun } from './scenario.ts';

closeInheritedDescriptors();
process.umask(0o022);
process.on('disconnect', () => process.exit(0));
process.once('message', async (message) => {
  const { scratch, scenario } = message as { scratch: string; scenario: Scenario };
  process.send?.(await runAll(scratch, scenario));
});

async function runAll(scratch: string, scenario: Scenario): Promise<object> {
  const stateDirectory = join(scratch, 'state');
  mkdirSync(stateDirectory, { mode: 0o700 });
  mkdirSync(join(scratch, 'volume'), { mode: 0o777 });
  writeFileSync(join(scratch, 'file'), 'content\n');
  const identity = readIdentity();
  const deps = { tools: searchTools(undefined), identity, stateDirectory };
  const executors: Record<string, object> = {};
  for (const runtime of runtimes(deps)) {
    if (!scenario.executors.includes(runtime.name)) continue;
    const rootfs = join(scratch, 'rootfs', runtime.name);
    makeBusyboxRootfs(rootfs);
    if (scenario.prepare !== undefined) {
      execFileSync('sh', ['-ec', scenario.prepare], { cwd: rootfs });
    }
    const capability = await runtime.probe();
    const runs: ScenarioOutcome[] = [];
    for (const [index, one] of scenario.runs.entries()) {
      runs.push(await runOne(runtime, specOf(one, `run${index}`, rootfs, scratch), one, scratch));
    }
    executors[runtime.name] = { capability, runs };
  }
  const leftState = readdirSync(stateDirectory);
  rmSync(join(scratch, 'rootfs'), { recursive: true, force: true });
  return { identity, leftState, executors };
}

function specOf(one: ScenarioRun, id: string, rootfs: string, scratch: string): RunSpec {
  return {
    id,
    rootfs,
    args: one.args,
    env: one.env ?? ['PATH=/bin'],
    cwd: one.cwd ?? '/',
    user: one.user ?? { uid: 0, gid: 0, additionalGids: [] },
    mounts: (one.mounts ?? []).map((mount) =>
      mount.kind === 'bind' ? { ...mount, source: join(scratch, mount.source) } : mount,
    ),
    network: one.network ?? 'host',
    hostname: 'sandbox',
    readOnlyRootfs: one.readOnlyRootfs ?? false,
    capabilities: one.capabilities ?? defaultCapabilities,
    fakeRoot: one.fakeRoot ?? false,
    ...(one.limits === undefined ? {} : { limits: one.limits }),
    ...(one.seccomp === undefined ? {} : { seccomp: one.seccomp }),
  };
}

async function runOne(
  runtime: Runtime,
  spec: RunSpec,
  one: ScenarioRun,
  scratch: string,
): Promise<ScenarioOutcome> {
  const refusal = runtime.refusal(spec);
  const before = new Set(readdirSync(spec.rootfs, { recursive: true }).map(String));
  const [out, err] = [join(scratch, 'out'), join(scratch, 'err')];
  const [stdout, stderr] = [openSync(out, 'w', 0o666), openSync(err, 'w', 0o666)];
  const started = performance.now();
  const result = refusal === undefined ? await attempt(runtime, spec, one, stdout, stderr) : {};
  const milliseconds = performance.now() - started;
  closeSync(stdout);
  closeSync(stderr);
  const after = readdirSync(spec.rootfs, { recursive: true }).map(String);
  return {
    ...result,
    ...(refusal === undefined ? {} : { refusal }),
    stdout: readFileSync(out, 'utf8'),
    stderr: readFileSync(err, 'utf8'),
    milliseconds,
    added: after.filter((name) => !before.has(name)),
  };
}

async function attempt(
  runtime: Runtime,
  spec: RunSpec,
  one: ScenarioRun,
  stdout: number,
  stderr: number,
): Promise<{ status?: ExitStatus; error?: { code: string; message: string } }> {
  const limit = one.abortAfter === undefined ? undefined : AbortSignal.timeout(one.abortAfter);
  try {
    return { status: await runtime.run(spec, { stdin: 'ignore', stdout, stderr }, limit) };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}
