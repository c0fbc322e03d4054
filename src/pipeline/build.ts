/**
 * One build from beginning to end: resolve, fetch, unpack, source, restore, assemble, capture, compose,
 * publish. Each phase is a function in phases/; this file only says what depends on what.
 */

import type { SecretValue } from '../agent/index.ts';
import type { BlobSource } from '../blob/index.ts';
import { BuildCache, type CacheStep } from '../cache/index.ts';
import { asBuildError } from '../errors/index.ts';
import type { ComposedImage, ImageDestination, ImageSource } from '../image/index.ts';
import { type Digest, digestOf } from '../model/index.ts';
import { isOnBuild } from '../s2i/index.ts';
import { hashSource, stampSource } from '../source/index.ts';
import type { Lease } from '../store/index.ts';
import {
  type ApplicationLayer,
  type MadeLayer,
  makeLayer,
  type UnpackedBuilder,
  unpackBuilder,
} from './application-layer.ts';
import { assembleStep, fromCache, toCache, whyUncacheable } from './assemble-step.ts';
import { BuildRun } from './build-run.ts';
import { both } from './concurrency.ts';
import type { ApplicationDeps } from './deps.ts';
import { readSecrets, refuseSecretsIn } from './given/for-assemble.ts';
import {
  type BuildSource,
  type ChosenBuilder,
  type ChosenRuntime,
  chooseBuilder,
  chooseRuntime,
  openInputs,
} from './inputs.ts';
import { buildByTriggers } from './on-build.ts';
import { asPartOf } from './phase-timer.ts';
import { type ComposedApplication, compose } from './phases/compose.ts';
import { type KeepReport, keepArtifacts, saveArtifacts } from './phases/keep.ts';
import { publish } from './phases/publish.ts';
import type { ResolvedImage } from './phases/resolve.ts';
import { nothingRestored, type RestoredArtifacts } from './phases/restore.ts';
import type { BuildRequest, BuildResult } from './request.ts';
import type { PublishedImage } from './send-image.ts';

/**
 * Builds an application image and publishes it. On failure nothing was published and nothing stays but
 * what the store keeps for the next build.
 *
 * @throws BuildError of every phase, with `phase` set; the signal's reason when aborted
 */
export async function build(
  deps: ApplicationDeps,
  request: BuildRequest,
  signal: AbortSignal,
): Promise<BuildResult> {
  await using resources = new AsyncDisposableStack();
  const run = new BuildRun(deps, request, resources);
  const secrets = await readSecrets(request, deps.env);
  const lease = resources.use(await deps.store.acquireLease());
  const target = resources.use(await deps.images.destination(request.tag));
  const { images, store } = deps;
  const warn = (message: string) => run.warn([message]);
  const cache = resources.use(new BuildCache({ store, lease, images, warn }, request.cache));
  const builder = await chooseBuilder(run, signal);
  if (isOnBuild(builder.image.config.execution.onBuild))
    return await buildByTriggers(run, builder, signal);
  const inputs = await openBuild(run, builder, cache, lease, signal);
  const { source, runtime } = inputs;
  const layer = await findOrMake(run, cache, { ...inputs, lease, secrets }, signal);
  const base = (runtime ?? builder).image;
  const composed = await run.timer.run('compose', async () =>
    compose(request, { builder: builder.image, base, source, made: layer.made }),
  );
  const { image } = composed;
  refuseSecretsIn([image.configBytes, image.manifest.raw], secrets);
  const publication = { image, builder: base, layer, destination: target };
  const before = request.removePrevious ? await target.current?.(signal) : undefined;
  const [published, saved] = await both(
    signal,
    (abort) => run.timer.run('publish', () => publish(deps, publication, abort)),
    (abort) => saveArtifacts(run, layer.assembled, target, abort),
  );
  const kept = await keepArtifacts(run, target, image, saved, signal);
  const newLayers = layer.made.layer === undefined ? [] : [layer.made.layer.digest];
  await cache.publish(newLayers, signal);
  if (request.removePrevious) await removePrevious(run, target, before?.digest, image, signal);
  return resultOf(run, inputs, { layer, composed, published, kept });
}

/** What a build begins with. */
interface Inputs {
  readonly builder: ChosenBuilder;
  readonly runtime?: ChosenRuntime;
  readonly source: BuildSource;
  /** Assemble as the cache knows it, and the stamp of the source that it was made of; absent where it cannot be cached. */
  readonly cacheable?: { readonly step: CacheStep; readonly stamp: string };
  /** The builder image, where it was clear from the beginning that it would be needed. */
  readonly unpacked?: UnpackedBuilder;
}

/** The layer of the application, and where it is. */
interface FoundLayer extends Omit<MadeLayer, 'assembled' | 'made'> {
  /** Absent when the layer was found in a cache. */
  readonly assembled?: MadeLayer['assembled'];
  readonly made: ApplicationLayer;
  readonly blobs: BlobSource;
  /** The image that has the layer, when it is not on this machine. */
  readonly near?: ImageSource;
  readonly cached: BuildResult['cache'];
}

/** Opens builder image and source; where no cache can have the result, the builder image is fetched meanwhile. */
async function openBuild(
  run: BuildRun,
  builder: ChosenBuilder,
  cache: BuildCache,
  lease: Lease,
  signal: AbortSignal,
): Promise<Inputs> {
  const runtime = await chooseRuntime(run, signal);
  await lease.add(builder.image.manifest.layers.map(({ digest }) => digest));
  const isUncacheable = whyUncacheable(run.request) !== undefined;
  const waits = !isUncacheable && (await cache.mayHave());
  const [unpacked, opened] = await both(
    signal,
    async (abort) => (waits ? undefined : await unpackBuilder(run, builder, lease, abort)),
    (abort) =>
      asPartOf('source', async () => {
        const source = await openInputs(
          run,
          runtime === undefined ? [builder] : [builder, runtime],
          abort,
        );
        if (isUncacheable) return { source };
        const { entries, stamp } = await hashSource(source.tree, abort);
        const step = await assembleStep({
          request: run.request,
          builder,
          runtime,
          source,
          entries,
        });
        return { source, cacheable: { step, stamp } };
      }),
  );
  return {
    builder,
    ...opened,
    ...(runtime === undefined ? {} : { runtime }),
    ...(unpacked === undefined ? {} : { unpacked }),
  };
}

async function findOrMake(
  run: BuildRun,
  cache: BuildCache,
  inputs: Inputs & { readonly lease: Lease; readonly secrets: readonly SecretValue[] },
  signal: AbortSignal,
): Promise<FoundLayer> {
  const found = await findLayer(run, cache, inputs, signal);
  if (typeof found !== 'string') return found;
  if (run.request.cache.explain) run.tell(`assemble: not cached: ${found}`);
  const { builder, source, cacheable, lease } = inputs;
  const unpacked = inputs.unpacked ?? (await unpackBuilder(run, builder, lease, signal));
  const layer = await makeLayer(run, { ...inputs, unpacked }, signal);
  if (cacheable !== undefined) {
    if ((await stampSource(source.tree, signal)) === cacheable.stamp)
      await cache.keep(cacheable.step, toCache(layer.made));
    else run.warn(['the source was written to while it was built: the result is not cached']);
  }
  return { ...layer, blobs: run.deps.store, cached: { used: false, reason: found } };
}

/** Looks for the layer in the cache; a text says why it is not there. */
async function findLayer(
  run: BuildRun,
  cache: BuildCache,
  { cacheable }: Inputs,
  signal: AbortSignal,
): Promise<FoundLayer | string> {
  if (cacheable === undefined) return whyUncacheable(run.request) ?? '';
  const hit = await cache.find(cacheable.step, signal);
  if (!hit.found) return hit.why;
  const made = fromCache(hit);
  if (made === undefined) return `the record of ${hit.place} cannot be read`;
  if (made.idMapping === 'single' && (await run.deps.agent).idMapping.kind !== 'single')
    return 'it was made where there is a single user id';
  run.timer.skip('assemble', 'cached: source and builder image are unchanged');
  if (run.request.cache.explain)
    run.tell(`assemble: cached: every input is the same as of ${hit.key}, found in ${hit.place}`);
  const { blobs, near } = hit;
  const reason = 'nothing had to be built';
  return {
    made,
    blobs,
    ...(near === undefined ? {} : { near }),
    restored: nothingRestored(reason),
    pulledBytes: 0,
    limits: {},
    cached: { used: true, reason: `found in ${hit.place}` },
  };
}

/** What came of a build. */
interface Outcome {
  readonly layer: FoundLayer;
  readonly composed: ComposedApplication;
  readonly published: PublishedImage;
  readonly kept: KeepReport;
}

function resultOf(
  run: BuildRun,
  { builder: { image: builder }, runtime }: Inputs,
  { layer, composed, published, kept }: Outcome,
): BuildResult {
  const { image, labels }: { image: ComposedImage; labels: BuildResult['labels'] } = composed;
  const { made, restored } = layer;
  const { executor, isolation, storage, idMapping, leftOut } = made;
  return {
    image: published.reference,
    digest: digestOf(image.manifest.raw),
    imageId: image.manifest.config.digest,
    labels,
    builder: referenceOf(builder),
    ...(runtime === undefined ? {} : { runtime: referenceOf(runtime.image) }),
    layers: published.layers,
    phases: run.timer.times,
    transfer: { ...published.transfer, pulled: layer.pulledBytes },
    ...{ executor, isolation, storage, idMapping, leftOut },
    limits: layer.limits,
    cache: layer.cached,
    incremental: incrementalReport(restored, kept),
    warnings: run.warnings,
  };
}

/** `--rm`; an image that cannot be deleted fails no build. */
async function removePrevious(
  run: BuildRun,
  target: ImageDestination,
  previous: Digest | undefined,
  { manifest }: ComposedImage,
  signal: AbortSignal,
): Promise<void> {
  if (!run.request.incremental) return run.warn(['--rm does nothing without --incremental']);
  if (target.removePrevious === undefined)
    return run.warn([`--rm: ${target.name} is no registry: only the name moved`]);
  if (previous === undefined || previous === digestOf(manifest.raw)) return;
  const why = await target.removePrevious(previous, signal).catch((thrown: unknown) => {
    signal.throwIfAborted();
    return asBuildError(thrown).message;
  });
  if (why === undefined) run.tell(`removed the previous image ${previous}`);
  else run.warn([`--rm: the previous image ${previous} is still there: ${why}`]);
}

function referenceOf({ source, descriptor }: ResolvedImage): BuildResult['builder'] {
  return { reference: source.name, digest: descriptor.digest };
}

function incrementalReport(
  { way, reason, bytes, pulledBytes, savedBytes }: RestoredArtifacts,
  kept: KeepReport,
): BuildResult['incremental'] {
  return {
    used: way !== 'none',
    ...{ way, reason, savedBytes, restoredBytes: bytes, fetchedBytes: pulledBytes },
    kept: { done: kept.kept, reason: kept.reason, sentBytes: kept.sentBytes },
  };
}
