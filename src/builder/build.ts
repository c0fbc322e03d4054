/**
 * Builds an image from a Dockerfile: context, plan, stages, image, publication. Stages that the target does not need are
 * not built; stages that do not need each other are built side by side.
 */

import { BuildCache } from '../cache/index.ts';
import { assembleImage, type ComposedImage } from '../image/index.ts';
import { digestOf, isJsonObject } from '../model/index.ts';
import { type BuildDeps, PhaseTimer } from '../pipeline/index.ts';
import { keepersText } from '../runtime/index.ts';
import { openContext } from './context.ts';
import { publishImage, writeOutput } from './output.ts';
import { type Plan, planBuild } from './plan.ts';
import type { DockerfileBuildRequest, DockerfileBuildResult, StepReport } from './request.ts';
import { squash } from './squash.ts';
import { StageBuild } from './stage.ts';
import { documentOf, type StageState } from './stage-state.ts';
import type { CacheStep, StepCache } from './step-cache.ts';
import { Workshop } from './workshop.ts';

/** Times are clamped to this when neither the user nor the context says otherwise: 1980-01-01. */
const defaultEpoch = 315_532_800;

/**
 * Builds and publishes an image. On failure nothing was published.
 *
 * @throws BuildError; for a failed instruction with the line of the Dockerfile in `details`
 */
export async function buildDockerfile(
  deps: BuildDeps,
  request: DockerfileBuildRequest,
  signal: AbortSignal,
): Promise<DockerfileBuildResult> {
  await using resources = new AsyncDisposableStack();
  const timer = new PhaseTimer(deps.reporter, deps.now);
  const context = await timer.run('source', async () => {
    const value = await openContext(deps, request, resources, signal);
    return { value, detail: value.dockerfile.name };
  });
  const plan = planBuild(context.dockerfile, request);
  const { images, store } = deps;
  const lease = resources.use(await store.acquireLease());
  const warn = (message: string) => workshop.warn(message);
  const cache = resources.use(new BuildCache({ store, lease, images, warn }, request.cache));
  const epoch = request.sourceDateEpoch ?? context.epoch ?? defaultEpoch;
  const parts = { deps, request, context, cache: named(cache, request), lease, resources, epoch };
  const workshop = new Workshop(parts);
  for (const { message, position } of plan.graph.warnings)
    workshop.warn(`${plan.ast.name}:${position.line}: ${message}`);
  for (const message of context.warnings) workshop.warn(message);
  const steps: StepReport[] = [];
  const built = await timer.run('steps', async () => {
    const value = await buildStages(workshop, plan, (step) => steps.push(step), signal);
    const limits = keepersText(workshop.keepers);
    const detail = [stepsText(steps), ...(limits === undefined ? [] : [limits])].join(', ');
    return { value, detail };
  });
  const state = request.squash ? await squash(workshop, built, signal) : built;
  const image = composeState(workshop, state);
  const mayBeThere = steps.every(({ outcome }) => outcome !== 'run');
  const published = await timer.run('publish', async () => {
    for (const output of request.outputs) await writeOutput(workshop, output, state, signal);
    return publishImage(workshop, { image, state, mayBeThere }, signal);
  });
  const layers = built.layers.map(({ descriptor }) => descriptor.digest);
  await cache.publish(layers, signal);
  return {
    ...published,
    digest: digestOf(image.manifest.raw),
    imageId: image.manifest.config.digest,
    steps,
    transfer: { ...published.transfer, pulled: workshop.pulledBytes },
    limits: workshop.keepers,
    warnings: workshop.warnings,
  };
}

/** Steps are told apart by the image too, so that a step is compared with what it was in the last build of the same. */
function named(cache: StepCache, { tags: [tag = ''] }: DockerfileBuildRequest): StepCache {
  const image = tag.replace(/:[^:/]*$/, '');
  const of = (step: CacheStep) => ({ ...step, name: `${step.name} of ${image}` });
  return {
    find: (step, signal) => cache.find(of(step), signal),
    keep: (step, result) => cache.keep(of(step), result),
  };
}

/** Builds the target and all it needs; the first failure ends the others, and is thrown when they have ended. */
async function buildStages(
  workshop: Workshop,
  plan: Plan,
  report: (step: StepReport) => void,
  signal: AbortSignal,
): Promise<StageState> {
  const controller = new AbortController();
  const linked = AbortSignal.any([signal, controller.signal]);
  const builds = new Map<number, Promise<StageState>>();
  const ahead: Promise<unknown>[] = [];
  const stageState = (index: number) => builds.get(index) as Promise<StageState>;
  let failure: { readonly error: unknown } | undefined;
  for (const index of plan.graph.order) {
    const stage = plan.graph.stages[index];
    if (stage === undefined) continue;
    const build = new StageBuild({ workshop, plan, stage, stageState, report, signal: linked });
    const running = build.run();
    running.catch((error: unknown) => {
      failure ??= { error };
      controller.abort(error);
    });
    builds.set(index, running);
    // What other stages take out of this one is unpacked while they are still busy.
    const unpack = async (state: StageState) => {
      if (build.hasRun) await workshop.rootfs(state.layers, linked);
    };
    if (index !== plan.graph.target) ahead.push(running.then(unpack));
  }
  await Promise.allSettled([...builds.values(), ...ahead]);
  signal.throwIfAborted();
  if (failure !== undefined) throw failure.error;
  return stageState(plan.graph.target);
}

function composeState(workshop: Workshop, state: StageState): ComposedImage {
  const { labels } = workshop.request;
  const before = isJsonObject(state.config['Labels']) ? state.config['Labels'] : {};
  const config =
    Object.keys(labels).length === 0
      ? state.config
      : { ...state.config, Labels: { ...before, ...labels } };
  return assembleImage({
    layers: state.layers.map(({ descriptor }) => descriptor),
    document: documentOf({ ...state, config }, workshop.created),
    family: state.family,
  });
}

function stepsText(steps: readonly StepReport[]): string {
  const count = (outcome: StepReport['outcome']) =>
    steps.filter((step) => step.outcome === outcome).length;
  return `${count('run')} run, ${count('cached')} cached, ${count('config')} of the config`;
}
