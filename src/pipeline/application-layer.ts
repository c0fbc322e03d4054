/**
 * Makes the layer of an application: unpacks the builder image, puts the source into it, runs assemble and captures
 * what changed. What comes out depends on the inputs alone, so that it can be kept under a key of them
 * (see `assemble-step.ts`).
 */

import type {
  Agent,
  CapturedLayer,
  InPlaceRequest,
  RunResult,
  SecretValue,
} from '../agent/index.ts';
import type { NewLayer } from '../image/index.ts';
import type { LimitKeepers } from '../runtime/index.ts';
import {
  imageMetadataPath,
  type Labels,
  labelsFrom,
  maxImageMetadataSize,
  parseImageMetadata,
  type ResolvedUser,
  workingDirectoryOf,
} from '../s2i/index.ts';
import type { Lease } from '../store/index.ts';
import type { BuildRun } from './build-run.ts';
import { findAssembleUser } from './build-users.ts';
import { Container } from './container.ts';
import { openGiven } from './given/for-assemble.ts';
import { stageInjections } from './injections.ts';
import type { BuildSource, ChosenBuilder, ChosenRuntime } from './inputs.ts';
import { buildDirectories, findLeftOut, type LeftOut } from './leave-out.ts';
import { assemble } from './phases/assemble.ts';
import { captureChange } from './phases/capture.ts';
import { type FetchedLayers, fetchLayers } from './phases/fetch.ts';
import type { AssembledContainer } from './phases/keep.ts';
import { nothingRestored, type RestoredArtifacts, restoreArtifacts } from './phases/restore.ts';
import { placeSource } from './phases/source.ts';
import { unpackImage } from './phases/unpack.ts';
import type { BuildResult } from './request.ts';
import {
  type FinalContainer,
  finishInRuntime,
  type OpenRuntime,
  openRuntime,
} from './runtime-image.ts';
import { proxyEnvironment, sandboxEnvironment, sandboxOf } from './sandbox.ts';
import { Scripts } from './scripts.ts';

/** What running assemble gave: the part of a build that can be cached. */
export interface ApplicationLayer
  extends Required<
    Pick<BuildResult, 'executor' | 'isolation' | 'storage' | 'idMapping' | 'leftOut'>
  > {
  /** Absent when assemble changed no file. */
  readonly layer?: NewLayer;
  /** The path of `run` in the image. */
  readonly runPath: string;
  /** Labels that assemble left behind. */
  readonly assembleLabels: Labels;
}

/** A layer that was made now, and what it took. */
export interface MadeLayer {
  readonly made: ApplicationLayer;
  readonly restored: RestoredArtifacts;
  /** Bytes fetched of builder, runtime and previous image. */
  readonly pulledBytes: number;
  /** What kept the limits of assemble. */
  readonly limits: LimitKeepers;
  /** The container as assemble left it, for the artifacts of the next build. */
  readonly assembled: AssembledContainer;
}

/** A builder image with its root file system at hand. */
export interface UnpackedBuilder {
  readonly agent: Agent;
  readonly fetched: FetchedLayers;
}

/** Fetches and unpacks the builder image. */
export async function unpackBuilder(
  run: BuildRun,
  { image }: ChosenBuilder,
  lease: Lease,
  signal: AbortSignal,
): Promise<UnpackedBuilder> {
  const { deps, timer } = run;
  const agent = await deps.agent;
  const fetched = await timer.run('fetch', () =>
    fetchLayers({ ...deps, agent, lease }, image, signal),
  );
  await timer.run('unpack', () => unpackImage({ ...deps, agent }, fetched, signal));
  return { agent, fetched };
}

/** What a layer is made from. */
export interface LayerInput {
  readonly builder: ChosenBuilder;
  readonly runtime?: ChosenRuntime;
  readonly unpacked: UnpackedBuilder;
  readonly source: BuildSource;
  readonly lease: Lease;
  readonly secrets: readonly SecretValue[];
}

/**
 * Makes the layer.
 *
 * @throws BuildError of the phases `source` to `capture`
 */
export async function makeLayer(
  run: BuildRun,
  input: LayerInput,
  signal: AbortSignal,
): Promise<MadeLayer> {
  const { builder, unpacked } = input;
  const container = run.resources.use(
    await Container.open(
      { ...run.deps, agent: unpacked.agent },
      unpacked.fetched.rootfsKey,
      builder.image.config,
      run.request.executor === 'in-builder' ? 'in-place' : run.request.storage,
      signal,
      inPlaceRequest(input),
    ),
  );
  return new LayerMaker(run, { ...input, ...unpacked, container }, signal).make();
}

/** What is ours in an image that is used in place, and what has to be the image's. */
function inPlaceRequest({ source, builder }: LayerInput): InPlaceRequest {
  const { workingDir } = builder.image.config.execution;
  return { ours: [source.tree.path], captured: [workingDirectoryOf(workingDir)] };
}

type Place = LayerInput & { readonly agent: Agent; readonly container: Container };

class LayerMaker {
  readonly #run: BuildRun;
  readonly #place: Place;
  readonly #signal: AbortSignal;

  constructor(run: BuildRun, place: Place, signal: AbortSignal) {
    this.#run = run;
    this.#place = place;
    this.#signal = signal;
  }

  async make(): Promise<MadeLayer> {
    const { agent, builder, container, lease, source, unpacked } = this.#place;
    const { destination } = builder;
    const before = await container.existing(buildDirectories(destination));
    const { request } = this.#run;
    const user = await findAssembleUser(request, container, builder.contract, this.#signal);
    const scripts = await this.#findScripts();
    const runtime = await this.#openRuntime();
    await this.#placeSource(user, scripts);
    const restored = await this.#restore(user, scripts);
    const assembled = await this.#assemble(user, scripts);
    const ran = runtime === undefined ? assembled : await this.#finish(runtime);
    const final = runtime ?? { container, destination, user, scripts, before };
    const labels = await this.#readLabels(final.container);
    const runPath = final.scripts.require('run').path;
    const leftOut = await this.#leaveOut(final, runPath);
    const layer = await this.#capture(final, leftOut);
    const { compression } = request;
    const made = {
      ...(layer === undefined ? {} : { layer: { ...layer, compression } }),
      ...{ runPath, assembleLabels: labels, executor: ran.executor, isolation: ran.isolation },
      leftOut: leftOut.map(({ path, bytes }) => ({ path, bytes })),
      storage: container.storage,
      idMapping: agent.idMapping.kind,
    };
    const pulled = [unpacked.fetched, restored, runtime];
    const pulledBytes = pulled.reduce((sum, part) => sum + (part?.pulledBytes ?? 0), 0);
    const { environment } = source;
    const left = { container, user, scripts, environment, lease, restored: restored.kept };
    return { made, restored, pulledBytes, limits: ran.keepers, assembled: left };
  }

  async #openRuntime(): Promise<OpenRuntime | undefined> {
    const { agent, lease, runtime: chosen, source } = this.#place;
    if (chosen === undefined) return undefined;
    return openRuntime(this.#run, { agent, chosen, lease, source }, this.#signal);
  }

  #finish(runtime: OpenRuntime): Promise<RunResult> {
    const { container } = this.#place;
    return finishInRuntime(this.#run, container, this.#place, runtime, this.#signal);
  }

  async #findScripts(): Promise<Scripts> {
    const { agent, builder, container, source } = this.#place;
    const search = { ...builder, outside: source.scripts };
    const scripts = await Scripts.find(agent, container, search, this.#signal);
    this.#run.warn(scripts.warnings);
    for (const name of ['assemble', 'run'] as const) scripts.require(name);
    return scripts;
  }

  async #placeSource(user: ResolvedUser, scripts: Scripts): Promise<void> {
    const { agent, builder, container, source } = this.#place;
    const mtime = BigInt(source.epoch) * 1_000_000_000n;
    const to = `${builder.destination === '/' ? '' : builder.destination}/src`;
    const { tree } = source;
    // As source-to-image does when it copies: what git gives is taken as it is.
    const follow = !this.#run.request.keepSymlinks && tree.info.commit === undefined;
    const symlinks: 'preserve' | 'follow' = follow ? 'follow' : 'preserve';
    const moved = scripts.sourcePaths;
    const input = { container, tree, moved, to, owner: user, mtime, symlinks };
    this.#run.warn(
      await this.#run.timer.run('source', () => placeSource(agent, input, this.#signal)),
    );
    await scripts.place(agent, container, user, mtime, this.#signal);
  }

  async #restore(user: ResolvedUser, scripts: Scripts): Promise<RestoredArtifacts> {
    const { deps, request, timer } = this.#run;
    if (!request.incremental) {
      timer.skip('restore', 'not asked for');
      return nothingRestored('not asked for');
    }
    const { destination } = this.#place.builder;
    const input = { ...this.#place, destination, user, scripts };
    const restored = await timer.run('restore', () =>
      restoreArtifacts(deps, request, input, this.#signal),
    );
    if (restored.way === 'none') this.#run.warn([`clean build: ${restored.reason}`]);
    return restored;
  }

  async #assemble(user: ResolvedUser, scripts: Scripts): Promise<RunResult> {
    const { agent, container, secrets, source } = this.#place;
    const { deps, request, resources, timer } = this.#run;
    const surroundings = { env: deps.env, directory: container.workspace, resources };
    const given = await openGiven(request, secrets, user, surroundings, this.#signal);
    const buildEnvironment = [
      `SOURCE_DATE_EPOCH=${source.epoch}`,
      ...sandboxEnvironment(request),
      ...proxyEnvironment(request, deps.env),
      ...given.environment,
      ...request.buildEnv,
    ];
    const { injections } = request;
    const injected = await stageInjections(agent, container, injections, user, this.#signal);
    const { environment } = source;
    const sandbox = sandboxOf(request);
    const mounts = [...injected, ...given.mounts];
    const process = { container, scripts, user, environment, buildEnvironment, sandbox };
    const input = { ...process, script: 'assemble', mounts } as const;
    return timer.run('assemble', () => assemble(input, this.#signal));
  }

  /** What assemble-runtime says wins over what assemble says. */
  async #readLabels(final: Container): Promise<Labels> {
    const merged: Record<string, string> = {};
    for (const container of new Set([this.#place.container, final])) {
      const bytes = await container.readFile(
        imageMetadataPath,
        maxImageMetadataSize + 1,
        this.#signal,
      );
      if (bytes !== undefined) Object.assign(merged, parseImageMetadata(bytes));
    }
    return labelsFrom(Object.entries(merged));
  }

  async #leaveOut(final: FinalContainer, runPath: string): Promise<readonly LeftOut[]> {
    const { agent, source } = this.#place;
    const { before, container, destination } = final;
    const { environment } = source;
    const input = { destination, keep: this.#run.request.keep, before, runPath, environment };
    const leftOut = await findLeftOut(agent, container, input, this.#signal);
    for (const { path, files, bytes } of leftOut) {
      if (files > 0) this.#run.tell(leftOutText(path, files, bytes));
    }
    return leftOut;
  }

  async #capture(
    { container, user: owner }: FinalContainer,
    leftOut: readonly LeftOut[],
  ): Promise<CapturedLayer | undefined> {
    const { agent, lease, source } = this.#place;
    const { deps, request, timer } = this.#run;
    const exclude = leftOut.map(({ path }) => path);
    const input = { container, epoch: source.epoch, exclude, owner };
    const layer = await timer.run('capture', () =>
      captureChange({ ...deps, agent }, request, input, this.#signal),
    );
    if (layer === undefined) return undefined;
    await lease.add([layer.digest]);
    this.#run.keepWarnings(layer.warnings);
    return layer;
  }
}

function leftOutText(path: string, files: number, bytes: number): string {
  const size = `${files} files, ${(bytes / 1e6).toFixed(1)} MB`;
  return `left out of the image, which does not refer to it: ${path} (${size}); --keep-source and --compat keep it`;
}
