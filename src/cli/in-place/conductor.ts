/**
 * A build in place as three processes that never meet: fetch, which has credentials; assemble, which has
 * none; publish, which has them again, when assemble and all it left behind are gone.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import type { BuildResult, LayerReport } from '../../pipeline/index.ts';
import { takeCensus } from '../../runtime/index.ts';
import type { CommandIo } from '../command.ts';
import { type Environment, harmless } from './hand-over.ts';
import type { MoveReport } from './moves.ts';
import { sealProgram } from './seal.ts';
import { type BuildStep, stepVariable } from './steps.ts';

/** What the conductor works with. */
export interface ConductorDeps {
  readonly io: CommandIo;
  /** The user's whole environment, which this process does not show. */
  readonly env: Environment;
  /** A private directory. */
  readonly directory: string;
}

/** What Node keeps of compiled code lies where assemble can write. */
const noCompiledCode = { NODE_DISABLE_COMPILE_CACHE: '1' };

/** A step failed and has said why; the exit code is all that is left to pass on. */
export class StepFailed extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`a step of the build ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/**
 * Fetches, assembles and publishes.
 *
 * @throws StepFailed; BuildError `RUNTIME_FAILED` when something of assemble cannot be ended
 */
export async function buildInSteps(deps: ConductorDeps): Promise<BuildResult> {
  const { directory, env } = deps;
  const file = (name: string) => join(directory, name);
  const [builder, result] = [`oci:${file('builder')}:1`, `oci:${file('result')}:1`];
  const fetched = await runStep<MoveReport>(deps, env, {
    step: 'fetch',
    to: builder,
    report: file('fetched.json'),
  });
  const seal = await sealProgram(deps.io);
  const census = takeCensus();
  const built = await runStep<BuildResult>(deps, harmless(env), {
    step: 'assemble',
    builderFrom: builder,
    to: result,
    report: file('built.json'),
  });
  refuseSurvivors(await census.endNewcomers());
  await seal.check();
  const published = await runStep<MoveReport>(deps, env, {
    step: 'publish',
    from: result,
    base: fetched.layers,
    report: file('published.json'),
  });
  return merged(built, fetched, published);
}

async function runStep<T>(
  { io }: ConductorDeps,
  env: Environment,
  step: BuildStep & { readonly report: string },
): Promise<T> {
  io.signal.throwIfAborted();
  const [file = '', ...args] = [...io.self, ...io.argv];
  const child = spawn(file, args, {
    env: { ...env, ...noCompiledCode, [stepVariable]: JSON.stringify(step) },
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  const stop = () => child.kill('SIGTERM');
  io.signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    if (code !== 0) throw new StepFailed(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    return JSON.parse(await readFile(step.report, 'utf8')) as T;
  } finally {
    io.signal.removeEventListener('abort', stop);
  }
}

function refuseSurvivors(left: readonly { readonly pid: number }[]): void {
  if (left.length === 0) return;
  const pids = left.map(({ pid }) => pid).join(', ');
  throw new BuildError(
    'RUNTIME_FAILED',
    `processes of assemble cannot be ended: ${pids}; nothing was published, as they could read the credentials`,
    { origin: 'runtime' },
  );
}

function merged(built: BuildResult, fetched: MoveReport, published: MoveReport): BuildResult {
  const outcomes = new Map(
    published.blobs.map(({ descriptor, outcome }) => [descriptor.digest, outcome]),
  );
  const layers = built.layers.map((layer) => ({
    ...layer,
    outcome: outcomes.get(layer.digest) ?? layer.outcome,
  }));
  const sum = (outcome: LayerReport['outcome']) =>
    layers
      .filter((layer) => layer.outcome === outcome)
      .reduce((total, { size }) => total + size, 0);
  const pulled = fetched.blobs.reduce((total, { descriptor }) => total + descriptor.size, 0);
  return {
    ...built,
    image: published.reference,
    layers,
    transfer: { pulled, mounted: sum('mounted'), pushed: sum('uploaded'), skipped: sum('present') },
  };
}
