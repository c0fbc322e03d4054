/**
 * Makes the layer of an application: unpacks the builder image, puts the source into it, runs assemble and captures
 * what changed. What comes out depends on the inputs alone, so that it can be kept under a key of them
 * (see `assemble-step.ts`).
 */

import type { Agent, CapturedLayer, RunResult, SecretValue } from '../agent/index.ts';
import type { NewLayer } from '../image/index.ts';
import {
  imageMetadataPath,
  type Labels,
  labelsFrom,
  maxImageMetadataSize,
  parseImageMetadata,
  type ResolvedUser,
} from '../s2i/index.ts';
import type { Lease } from '../store/index.ts';
import type { BuildRun } from './build-run.ts';
import { findAssembleUser } from './build-users.ts';
import { Container } from './container.ts';
import { openGiven } from './given/for-assemble.ts';
import { stageInjections } from './injections.ts';
import type { BuildSource, ChosenBuilder } from './inputs.ts';
import { buildDirectories, findLeftOut, type LeftOut } from './leave-out.ts';
import { assemble } from './phases/assemble.ts';
import { captureChange } from './phases/capture.ts';
import { type FetchedLayers, fetchLayers } from './phases/fetch.ts';
import { type RestoredArtifacts, restoreArtifacts } from './phases/restore.ts';
import { placeSource } from './phases/source.ts';
import { unpackImage } from './phases/unpack.ts';
import type { BuildResult } from './request.ts';
import { sandboxEnvironment, sandboxOf } from './sandbox.ts';
import { Scripts } from './scripts.ts';

/** What running assemble gave: the part of a build that can be cached. */
export interface ApplicationLayer
  extends Pick<BuildResult, 'executor' | 'isolation' | 'storage' | 'idMapping' | 'leftOut'> {
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
  /** Bytes fetched of builder and previous image. */
  readonly pulledBytes: number;
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
      run.request.storage,
      signal,
    ),
  );
  return new LayerMaker(run, { ...input, ...unpacked, container }, signal).make();
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
    const { agent, builder, container, unpacked } = this.#place;
    const before = await container.existing(buildDirectories(builder.destination));
    const { request } = this.#run;
    const user = await findAssembleUser(request, container, builder.contract, this.#signal);
    const scripts = await this.#findScripts();
    await this.#placeSource(user, scripts);
    const restored = await this.#restore(user, scripts);
    const ran = await this.#assemble(user, scripts);
    const assembleLabels = await this.#readLabels();
    const runPath = scripts.require('run').path;
    const leftOut = await this.#leaveOut(runPath, before);
    const layer = await this.#capture(user, leftOut);
    const { compression } = request;
    const made = {
      ...(layer === undefined ? {} : { layer: { ...layer, compression } }),
      ...{ runPath, assembleLabels, executor: ran.executor, isolation: ran.isolation },
      leftOut: leftOut.map(({ path, bytes }) => ({ path, bytes })),
      storage: container.storage,
      idMapping: agent.idMapping.kind,
    };
    return { made, restored, pulledBytes: unpacked.fetched.pulledBytes + restored.pulledBytes };
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
    const input = { container, tree: source.tree, to, owner: user, mtime };
    this.#run.warn(
      await this.#run.timer.run('source', () => placeSource(agent, input, this.#signal)),
    );
    await scripts.place(agent, container, user, mtime, this.#signal);
  }

  async #restore(user: ResolvedUser, scripts: Scripts): Promise<RestoredArtifacts> {
    const { deps, request, timer } = this.#run;
    if (!request.incremental) {
      timer.skip('restore', 'not asked for');
      return { used: false, reason: 'not asked for', bytes: 0, pulledBytes: 0 };
    }
    const { builder, source, ...place } = this.#place;
    const input = { ...place, destination: builder.destination, tree: source.tree, user, scripts };
    const restored = await timer.run('restore', () =>
      restoreArtifacts(deps, request, input, this.#signal),
    );
    if (!restored.used) this.#run.warn([`clean build: ${restored.reason}`]);
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
      ...given.environment,
      ...request.buildEnv,
    ];
    const { injections } = request;
    const injected = await stageInjections(agent, container, injections, user, this.#signal);
    const { environment } = source;
    const sandbox = sandboxOf(request);
    const mounts = [...injected, ...given.mounts];
    const input = { container, scripts, user, environment, buildEnvironment, sandbox, mounts };
    return timer.run('assemble', () => assemble(input, this.#signal));
  }

  async #readLabels(): Promise<Labels> {
    const bytes = await this.#place.container.readFile(
      imageMetadataPath,
      maxImageMetadataSize + 1,
      this.#signal,
    );
    return bytes === undefined ? labelsFrom([]) : parseImageMetadata(bytes);
  }

  async #leaveOut(runPath: string, before: ReadonlySet<string>): Promise<readonly LeftOut[]> {
    const { agent, builder, container, source } = this.#place;
    const { destination } = builder;
    const { environment } = source;
    const input = { destination, keep: this.#run.request.keep, before, runPath, environment };
    const leftOut = await findLeftOut(agent, container, input, this.#signal);
    for (const { path, files, bytes } of leftOut) {
      if (files > 0) this.#run.tell(leftOutText(path, files, bytes));
    }
    return leftOut;
  }

  async #capture(
    owner: ResolvedUser,
    leftOut: readonly LeftOut[],
  ): Promise<CapturedLayer | undefined> {
    const { agent, container, lease, source } = this.#place;
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
