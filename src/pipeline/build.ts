/**
 * One build from beginning to end: resolve, fetch, unpack, source, restore, assemble, capture, compose,
 * publish. Each phase is a function in phases/; this file only says what depends on what.
 */

import type { Agent, CapturedLayer, RunResult, SecretValue } from '../agent/index.ts';
import type { ComposedImage, ImageDestination } from '../image/index.ts';
import { digestOf } from '../model/index.ts';
import {
  type BuilderContract,
  destinationOf,
  imageMetadataPath,
  type Labels,
  labelsFrom,
  maxImageMetadataSize,
  mergeEnvironment,
  parseBuilderContract,
  parseImageMetadata,
  type ResolvedUser,
} from '../s2i/index.ts';
import type { SourceTree } from '../source/index.ts';
import type { Lease } from '../store/index.ts';
import { checkUsers, findAssembleUser } from './build-users.ts';
import { both } from './concurrency.ts';
import { Container } from './container.ts';
import type { BuildDeps } from './deps.ts';
import { openGiven, readSecrets, refuseSecretsIn } from './given/for-assemble.ts';
import { stageInjections } from './injections.ts';
import { buildDirectories, findLeftOut, type LeftOut } from './leave-out.ts';
import { openBuildSource } from './open-source.ts';
import { asPartOf, PhaseTimer } from './phase-timer.ts';
import { assemble } from './phases/assemble.ts';
import { captureChange } from './phases/capture.ts';
import { compose } from './phases/compose.ts';
import { type FetchedLayers, fetchLayers } from './phases/fetch.ts';
import { type PublishedImage, publish } from './phases/publish.ts';
import { type ResolvedImage, resolveImage } from './phases/resolve.ts';
import { type RestoredArtifacts, restoreArtifacts } from './phases/restore.ts';
import { placeSource } from './phases/source.ts';
import { unpackImage } from './phases/unpack.ts';
import type { BuildRequest, BuildResult } from './request.ts';
import { sandboxEnvironment, sandboxOf } from './sandbox.ts';
import { Scripts } from './scripts.ts';

/** Times are clamped to this when neither the user nor the source says otherwise: 1980-01-01, the first that zip files can hold. */
const defaultEpoch = 315_532_800;

/**
 * Builds an application image and publishes it. On failure nothing was published and nothing stays but
 * what the store keeps for the next build.
 *
 * @throws BuildError of every phase, with `phase` set; the signal's reason when aborted
 */
export async function build(
  deps: BuildDeps,
  request: BuildRequest,
  signal: AbortSignal,
): Promise<BuildResult> {
  await using resources = new AsyncDisposableStack();
  const run = new Build(deps, request, resources, signal);
  return await run.run();
}

/** What the phases before assemble prepared. */
interface Prepared {
  readonly agent: Agent;
  readonly builder: ResolvedImage;
  readonly fetched: FetchedLayers;
  readonly contract: BuilderContract;
  readonly destination: string;
  readonly tree: SourceTree;
  readonly container: Container;
  /** Directories of the build that the builder image has itself. */
  readonly before: ReadonlySet<string>;
  readonly epoch: number;
}

/** What the phases from assemble on gave. */
interface Finished {
  readonly image: ComposedImage;
  readonly published: PublishedImage;
  readonly restored: RestoredArtifacts;
  readonly ran: RunResult;
  readonly leftOut: readonly LeftOut[];
  readonly labels: Labels;
}

class Build {
  readonly #deps: BuildDeps;
  readonly #request: BuildRequest;
  readonly #resources: AsyncDisposableStack;
  readonly #signal: AbortSignal;
  readonly #timer: PhaseTimer;
  readonly #warnings: string[] = [];

  constructor(
    deps: BuildDeps,
    request: BuildRequest,
    resources: AsyncDisposableStack,
    signal: AbortSignal,
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#resources = resources;
    this.#signal = signal;
    this.#timer = new PhaseTimer(deps.reporter, deps.now);
  }

  async run(): Promise<BuildResult> {
    const { store, images } = this.#deps;
    const secrets = await readSecrets(this.#request, this.#deps.env);
    const lease = this.#resources.use(await store.acquireLease());
    const target = this.#resources.use(await images.destination(this.#request.tag));
    const prepared = await this.#prepare(lease);
    const { container } = prepared;
    const user = await findAssembleUser(this.#request, container, prepared.contract, this.#signal);
    const scripts = await this.#findScripts(prepared);
    const source = await this.#placeSource(prepared, user, scripts);
    const restored = await this.#restore(prepared, user, scripts, lease);
    const environment = mergeEnvironment(source.environment, this.#request.env);
    const ran = await this.#assemble(prepared, user, scripts, environment, secrets);
    const assembleLabels = await this.#readLabels(container);
    const runPath = scripts.require('run').path;
    const leftOut = await this.#leaveOut(prepared, runPath, environment);
    const layer = await this.#capture(prepared, user, lease, leftOut);
    const { builder, epoch, tree } = prepared;
    const facts = {
      builder,
      layer,
      runPath,
      environment,
      source: tree.info,
      assembleLabels,
      epoch,
    };
    const { image, labels } = await this.#timer.run('compose', async () =>
      compose(this.#request, facts),
    );
    refuseSecretsIn([image.configBytes, image.manifest.raw], secrets);
    const published = await this.#publish(image, prepared, target);
    return this.#result(prepared, { image, published, restored, ran, leftOut, labels });
  }

  #result(
    { agent, builder, container, fetched }: Prepared,
    { image, published, restored, ran, leftOut, labels }: Finished,
  ): BuildResult {
    return {
      image: published.reference,
      digest: digestOf(image.manifest.raw),
      imageId: image.manifest.config.digest,
      labels,
      builder: { reference: builder.source.name, digest: builder.descriptor.digest },
      layers: published.layers,
      phases: this.#timer.times,
      transfer: { ...published.transfer, pulled: fetched.pulledBytes + restored.pulledBytes },
      executor: ran.executor,
      isolation: ran.isolation,
      storage: container.storage,
      idMapping: agent.idMapping.kind,
      incremental: { used: restored.used, reason: restored.reason, restoredBytes: restored.bytes },
      leftOut: leftOut.map(({ path, bytes }) => ({ path, bytes })),
      warnings: this.#warnings,
    };
  }

  async #assemble(
    { agent, container, epoch }: Prepared,
    user: ResolvedUser,
    scripts: Scripts,
    environment: readonly string[],
    secrets: readonly SecretValue[],
  ): Promise<RunResult> {
    const request = this.#request;
    const given = await openGiven(
      request,
      secrets,
      user,
      { env: this.#deps.env, directory: container.workspace, resources: this.#resources },
      this.#signal,
    );
    const buildEnvironment = [
      `SOURCE_DATE_EPOCH=${epoch}`,
      ...sandboxEnvironment(request),
      ...given.environment,
      ...request.buildEnv,
    ];
    const { injections } = request;
    const injected = await stageInjections(agent, container, injections, user, this.#signal);
    const sandbox = sandboxOf(request);
    const mounts = [...injected, ...given.mounts];
    const input = { container, scripts, user, environment, buildEnvironment, sandbox, mounts };
    return this.#timer.run('assemble', () => assemble(input, this.#signal));
  }

  async #leaveOut(
    { agent, container, destination, before }: Prepared,
    runPath: string,
    environment: readonly string[],
  ): Promise<readonly LeftOut[]> {
    const { keep } = this.#request;
    const input = { destination, keep, before, runPath, environment };
    const leftOut = await findLeftOut(agent, container, input, this.#signal);
    for (const { path, files, bytes } of leftOut) {
      if (files > 0) this.#tell('info', leftOutText(path, files, bytes));
    }
    return leftOut;
  }

  async #capture(
    { agent, container, epoch }: Prepared,
    owner: ResolvedUser,
    lease: Lease,
    leftOut: readonly LeftOut[],
  ): Promise<CapturedLayer | undefined> {
    const input = { container, epoch, exclude: leftOut.map(({ path }) => path), owner };
    const layer = await this.#timer.run('capture', () =>
      captureChange({ ...this.#deps, agent }, this.#request, input, this.#signal),
    );
    if (layer === undefined) return undefined;
    await lease.add([layer.digest]);
    this.#warnings.push(...layer.warnings);
    return layer;
  }

  /** Everything up to an open container; the source is opened while the builder image is fetched. */
  async #prepare(lease: Lease): Promise<Prepared> {
    const { images, reporter, now } = this.#deps;
    const request = this.#request;
    const builderSource = this.#resources.use(await images.source(request.builder));
    const builder = await this.#timer.run('resolve', () =>
      resolveImage(builderSource, request.platform, this.#signal),
    );
    const contract = parseBuilderContract(builder.config.execution, {
      allowRemoteScripts: request.allowRemoteScripts,
    });
    this.#warn(contract.warnings);
    checkUsers(request, builder.config.execution, contract);
    const [rootfs, tree] = await both(
      this.#signal,
      async (signal) => {
        const agent = await this.#deps.agent;
        const fetched = await this.#timer.run('fetch', () =>
          fetchLayers({ ...this.#deps, agent, lease }, builder, signal),
        );
        await this.#timer.run('unpack', () =>
          unpackImage({ agent, reporter, now }, fetched, signal),
        );
        return { agent, fetched };
      },
      (signal) =>
        asPartOf('source', () => openBuildSource(this.#deps, request, this.#resources, signal)),
    );
    this.#resources.use(tree);
    const container = this.#resources.use(
      await Container.open(
        { ...this.#deps, agent: rootfs.agent },
        rootfs.fetched.rootfsKey,
        builder.config,
        request.storage,
        this.#signal,
      ),
    );
    const destination = destinationOf(contract, request.destination);
    return {
      ...rootfs,
      builder,
      contract,
      destination,
      tree,
      container,
      before: await container.existing(buildDirectories(destination)),
      epoch: request.sourceDateEpoch ?? tree.epoch ?? defaultEpoch,
    };
  }

  async #findScripts({
    agent,
    container,
    contract,
    destination,
    tree,
  }: Prepared): Promise<Scripts> {
    const { scriptsUrl } = this.#request;
    const search = {
      contract,
      destination,
      sourcePath: tree.path,
      ...(scriptsUrl === undefined ? {} : { scriptsUrl }),
    };
    const { http } = this.#deps;
    const scripts = await Scripts.find({ agent, http }, container, search, this.#signal);
    this.#warn(scripts.warnings);
    for (const name of ['assemble', 'run'] as const) scripts.require(name);
    return scripts;
  }

  async #placeSource(prepared: Prepared, user: ResolvedUser, scripts: Scripts) {
    const { agent, container, tree, destination, epoch } = prepared;
    const mtime = BigInt(epoch) * 1_000_000_000n;
    const to = `${destination === '/' ? '' : destination}/src`;
    const source = await this.#timer.run('source', () =>
      placeSource(agent, { container, tree, to, owner: user, mtime }, this.#signal),
    );
    await scripts.place(agent, container, user, mtime, this.#signal);
    this.#warn(source.warnings);
    return source;
  }

  async #restore(
    prepared: Prepared,
    user: ResolvedUser,
    scripts: Scripts,
    lease: Lease,
  ): Promise<RestoredArtifacts> {
    if (!this.#request.incremental) {
      this.#timer.skip('restore', 'not asked for');
      return { used: false, reason: 'not asked for', bytes: 0, pulledBytes: 0 };
    }
    const restored = await this.#timer.run('restore', () =>
      restoreArtifacts(
        this.#deps,
        this.#request,
        { ...prepared, user, scripts, lease },
        this.#signal,
      ),
    );
    if (!restored.used) this.#warn([`clean build: ${restored.reason}`]);
    return restored;
  }

  async #readLabels(container: Container): Promise<Labels> {
    const bytes = await container.readFile(
      imageMetadataPath,
      maxImageMetadataSize + 1,
      this.#signal,
    );
    return bytes === undefined ? labelsFrom([]) : parseImageMetadata(bytes);
  }

  #publish(
    image: ComposedImage,
    prepared: Prepared,
    destination: ImageDestination,
  ): Promise<PublishedImage> {
    const builderLayers = prepared.builder.manifest.layers.length;
    return this.#timer.run('publish', () =>
      publish(
        this.#deps,
        { image, builderLayers, builder: prepared.builder.source, destination },
        this.#signal,
      ),
    );
  }

  #warn(messages: readonly string[]): void {
    for (const message of messages) this.#tell('warning', message);
    this.#warnings.push(...messages);
  }

  #tell(level: 'info' | 'warning', message: string): void {
    this.#deps.reporter.emit({ type: 'log', level, message, time: this.#deps.now() });
  }
}

function leftOutText(path: string, files: number, bytes: number): string {
  const size = `${files} files, ${(bytes / 1e6).toFixed(1)} MB`;
  return `left out of the image, which does not refer to it: ${path} (${size}); --keep-source and --compat keep it`;
}
