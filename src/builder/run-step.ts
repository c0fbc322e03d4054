/** RUN: one process in the sandbox, and a layer of what it changed. */

import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runVariables } from '../dockerfile/index.ts';
import { BuildError } from '../errors/index.ts';
import type { Reporter } from '../events/index.ts';
import {
  type Container,
  refuseLimit,
  type SandboxRequest,
  sandboxEnvironment,
  sandboxInputs,
  sandboxOf,
} from '../pipeline/index.ts';
import type { NetworkMode, RunMount } from '../runtime/index.ts';
import {
  mergeEnvironment,
  type ResolvedUser,
  scriptEnvironment,
  workingDirectoryOf,
} from '../s2i/index.ts';
import { layerInputs, stageLayer } from './copy-step.ts';
import { argumentsOf, shellOf } from './metadata.ts';
import { mountInputs, type OpenMounts, openMounts } from './mounts.ts';
import { explainStart, failedCommand } from './run-failure.ts';
import { StageOutput } from './stage-output.ts';
import { imageConfigOf, type StageLayer } from './stage-state.ts';
import {
  cached,
  findUser,
  openStage,
  parentInput,
  type Step,
  type StepContext,
  type StepOutcome,
} from './step.ts';

/** Where a heredoc with an interpreter of its own is. */
const scriptPath = '/run/s2oci/heredoc';

/** Carries out RUN. */
export async function runStep(context: StepContext, step: Step<'run'>): Promise<StepOutcome> {
  const { workshop, state } = context;
  const { user, workingDir } = imageConfigOf(state).execution;
  const inputs = [
    parentInput(context),
    {
      label: 'command',
      value: JSON.stringify([argumentsOf(step.command, state.config), step.script]),
    },
    ...[...visibleVariables(context)].map(([name, value]) => ({
      label: `variable ${name}`,
      value,
    })),
    { label: 'user', value: user },
    { label: 'working directory', value: workingDir },
    { label: 'network of the step', value: step.network },
    ...sandboxInputs(workshop.request),
    ...(await mountInputs(context, step)),
    ...layerInputs(context),
  ];
  const key = { kind: 'run', name: context.name, inputs };
  const whyNot = whyUncacheable(workshop.request);
  return cached(context, key, () => run(context, step), { whyNot, dependsOnIds: true });
}

function whyUncacheable({ volumes }: SandboxRequest): string | undefined {
  return volumes.length === 0 ? undefined : 'it sees files of this machine (--volume)';
}

/** Declared arguments and the environment; proxies are no part of what a step depends on. */
function visibleVariables({ scope }: StepContext): ReadonlyMap<string, string> {
  return new Map([...scope.args, ...scope.env]);
}

async function run(context: StepContext, step: Step<'run'>): Promise<StageLayer | undefined> {
  const { state, signal } = context;
  await using resources = new AsyncDisposableStack();
  const container = resources.use(await openStage(context, reporterOf(context, resources)));
  const user = await findUser(container, state, signal);
  const mounts = await openMounts(context, step, resources);
  await execute(context, step, { container, user, mounts });
  return await capture(context, container, user);
}

function reporterOf({ workshop, speaker }: StepContext, resources: AsyncDisposableStack): Reporter {
  const { reporter } = workshop.deps;
  return speaker === undefined ? reporter : resources.use(new StageOutput(reporter, speaker));
}

/** Where a process runs, and as whom. */
interface Place {
  readonly container: Container;
  readonly user: ResolvedUser;
  readonly mounts: OpenMounts;
}

async function execute(
  context: StepContext,
  step: Step<'run'>,
  { container, user, mounts }: Place,
): Promise<void> {
  const { workshop, state, signal } = context;
  const sandbox = sandboxOf(workshop.request);
  const settings = { ...sandbox, network: networkOf(step, sandbox.network) };
  const args = argumentsOf(step.command, state.config);
  const { workingDir } = imageConfigOf(state).execution;
  const env = mergeEnvironment(environmentOf(context, user), mounts.environment);
  const cwd = workingDirectoryOf(workingDir);
  const script = await scriptMount(container, step);
  const process = {
    args: step.script === undefined ? args : [...shellOf(state.config), scriptPath],
    ...{ env, cwd, user, stdio: 'events' as const, mounts: [...mounts.mounts, ...script] },
  };
  const program = { args: process.args, env, form: step.command.form };
  const result = await container.run('steps', process, settings, signal).catch(async (error) => {
    signal.throwIfAborted();
    throw (await explainStart(container, program, error)) ?? error;
  });
  workshop.keepers = result.keepers;
  refuseLimit('the command', result);
  if (result.timedOut)
    throw new BuildError('TIME_LIMIT', `it took longer than ${sandbox.timeoutSeconds} seconds`, {
      suggestion: 'allow more time with --timeout',
    });
  if (result.code !== 0) throw failedCommand(result.code, step.command.form);
}

/** A Dockerfile may do with less network than the user gave the build, never with more. */
function networkOf({ network }: Step<'run'>, given: NetworkMode): NetworkMode {
  if (network === 'default') return given;
  if (network === 'none' || given === 'host') return network;
  throw new BuildError('POLICY_VIOLATION', `--network=host, but the build was given ${given}`, {
    origin: 'source',
    suggestion: 'leave --network=host out, or allow it with --network host',
  });
}

/** A heredoc with an interpreter of its own becomes a program that only this process sees. */
async function scriptMount(
  { workspace }: Container,
  { script }: Step<'run'>,
): Promise<readonly RunMount[]> {
  if (script === undefined) return [];
  const source = join(workspace, 'heredoc');
  await writeFile(source, script.content, { mode: 0o755 });
  await chmod(source, 0o755);
  return [{ kind: 'bind', source, target: scriptPath, readOnly: true }];
}

function environmentOf(context: StepContext, user: ResolvedUser): readonly string[] {
  const { workshop, scope } = context;
  const variables = [...runVariables(scope, context.arguments)];
  return mergeEnvironment(
    scriptEnvironment({
      execution: { env: variables.map(([name, value]) => `${name}=${value}`) },
      given: [],
      ...(user.home === undefined ? {} : { home: user.home }),
    }),
    sandboxEnvironment(workshop.request),
  );
}

async function capture(
  context: StepContext,
  container: Container,
  owner: ResolvedUser,
): Promise<StageLayer | undefined> {
  const { workshop, signal } = context;
  const { timestamps, compression, compressionLevel } = workshop.request;
  const agent = await workshop.agent();
  const layer = await agent.call(
    'capture',
    {
      workspace: container.workspace,
      exclude: [],
      epoch: workshop.epoch,
      timestamps,
      compression,
      ...(compressionLevel === undefined ? {} : { compressionLevel }),
      owner: { uid: owner.uid, gid: owner.gid },
    },
    { signal },
  );
  for (const message of layer.warnings) workshop.warn(message);
  if (layer.entries === 0 && layer.whiteouts === 0) return undefined;
  return stageLayer(context, layer);
}
