/**
 * Phase `restore`: an incremental build puts artifacts of an earlier one beside the source. They come from what
 * is kept beside the previous image, or else from the previous image itself, by save-artifacts. All of them or none:
 * whatever goes wrong, the build is a clean one.
 */

import type { Agent } from '../../agent/index.ts';
import { asBuildError } from '../../errors/index.ts';
import { type ImageSource, writtenName } from '../../image/index.ts';
import { digestOf } from '../../model/index.ts';
import type { ResolvedUser } from '../../s2i/index.ts';
import type { Lease } from '../../store/index.ts';
import { Container } from '../container.ts';
import type { BuildDeps } from '../deps.ts';
import { findKeptArtifacts, type KeptArtifacts } from '../kept-artifacts.ts';
import { maxScriptSize } from '../outside-scripts.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { BuildRequest } from '../request.ts';
import { runSaveArtifacts } from '../save-artifacts.ts';
import { placeScripts, type Scripts, scriptsDirectory } from '../scripts.ts';
import { fetchLayers } from './fetch.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';
import { unpackImage } from './unpack.ts';

/** What was restored. */
export interface RestoredArtifacts {
  readonly way: 'kept' | 'previous-image' | 'none';
  /** What was reused, or why the build is a clean one. */
  readonly reason: string;
  /** Size of the archive of artifacts. */
  readonly bytes: number;
  /** Bytes fetched for it. */
  readonly pulledBytes: number;
  /** Bytes of the previous image that did not have to be fetched. */
  readonly savedBytes: number;
  /** The kept artifacts that were restored. */
  readonly kept?: KeptArtifacts;
}

/** The build that artifacts are restored into. */
export interface RestoreInput {
  readonly agent: Agent;
  readonly container: Container;
  readonly destination: string;
  readonly user: ResolvedUser;
  readonly scripts: Scripts;
  readonly lease: Lease;
}

/** Errors that end a build even though it could go on without artifacts. */
const fatal = new Set(['INTERNAL', 'INTERRUPTED', 'TERMINATED', 'NO_SPACE']);

/** The answer where nothing is restored. */
export function nothingRestored(reason: string): RestoredArtifacts {
  return { way: 'none', reason, bytes: 0, pulledBytes: 0, savedBytes: 0 };
}

/** Restores artifacts, or says why there are none. */
export async function restoreArtifacts(
  deps: BuildDeps,
  request: BuildRequest,
  input: RestoreInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<RestoredArtifacts>> {
  const script = input.scripts.plan.scripts['save-artifacts'];
  if (request.executor === 'in-builder')
    return clean('the previous image cannot run in the container of the builder image');
  if (script === undefined) return clean('the builder image has no save-artifacts script');
  try {
    await using source = await deps.images.source(
      request.incrementalFrom ?? writtenName(request.tag),
    );
    const { value: previous } = await resolveImage(source, request.platform, signal);
    const restored =
      (await fromKeptArtifacts(deps, source, previous, input, signal)) ??
      (await fromPreviousImage(deps, request, previous, input, signal));
    return { value: restored, detail: restored.reason };
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asBuildError(thrown);
    if (fatal.has(error.code)) throw error;
    return clean(error.code === 'IMAGE_NOT_FOUND' ? 'there is no previous image' : error.message);
  }
}

function clean(reason: string): PhaseOutcome<RestoredArtifacts> {
  return { value: nothingRestored(reason), detail: `clean build: ${reason}` };
}

/** Fetches what is kept beside the previous image; undefined where that is nothing, or nothing that can be used. */
async function fromKeptArtifacts(
  deps: BuildDeps,
  source: ImageSource,
  previous: ResolvedImage,
  input: RestoreInput,
  signal: AbortSignal,
): Promise<RestoredArtifacts | undefined> {
  const { container, lease, scripts } = input;
  try {
    const script = digestOf(await scripts.read('save-artifacts', container, signal));
    const kept = await findKeptArtifacts(source, previous.descriptor, script, signal);
    if (kept === undefined) return undefined;
    const { layer } = kept;
    const outcome = await deps.store.fetch(layer, source, { signal, lease });
    await placeArtifacts(input, await deps.store.pathOf(layer.digest), signal);
    const pulledBytes = outcome === 'fetched' ? layer.size : 0;
    const savedBytes = Math.max(0, (await missingBytes(deps, previous, input)) - pulledBytes);
    const saved = savedBytes === 0 ? '' : `, ${megabytes(savedBytes)} less than the image`;
    const reason = `artifacts kept beside ${source.name}: ${megabytes(pulledBytes)} fetched${saved}`;
    return { way: 'kept', reason, bytes: layer.size, pulledBytes, savedBytes, kept };
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asBuildError(thrown);
    if (fatal.has(error.code)) throw error;
    const message = `the artifacts kept beside ${source.name} cannot be used: ${error.message}`;
    deps.reporter.emit({ type: 'log', level: 'warning', message, time: deps.now() });
    return undefined;
  }
}

/** Bytes of layers of a previous image that are not on this machine; those of the builder image are. */
async function missingBytes(
  { store }: BuildDeps,
  { config, manifest }: ResolvedImage,
  { container }: RestoreInput,
): Promise<number> {
  const { diffIds } = container.config;
  const own = config.diffIds.findIndex((diffId, i) => diffId !== diffIds[i]);
  let bytes = 0;
  for (const { digest, size } of own === -1 ? [] : manifest.layers.slice(own))
    if (!(await store.has(digest))) bytes += size;
  return bytes;
}

async function fromPreviousImage(
  deps: BuildDeps,
  request: BuildRequest,
  previous: ResolvedImage,
  input: RestoreInput,
  signal: AbortSignal,
): Promise<RestoredArtifacts> {
  const { agent, lease, scripts, user } = input;
  const { name } = previous.source;
  if (request.runtimeImage !== undefined)
    return nothingRestored(
      `nothing is kept beside ${name}, and a runtime image holds no artifacts`,
    );
  const inAgent = { ...deps, agent };
  const { value: fetched } = await fetchLayers({ ...inAgent, lease }, previous, signal, 'restore');
  const { pulledBytes, rootfsKey } = fetched;
  await unpackImage(inAgent, fetched, signal, 'restore');
  const { storage } = request;
  await using container = await Container.open(
    inAgent,
    rootfsKey,
    previous.config,
    storage,
    signal,
  );
  const path = await bringScript(input, container, signal);
  const viaShell = scripts.viaShell('save-artifacts');
  const run = { container, user, path, viaShell, environment: [], phase: 'restore' } as const;
  const archive = await runSaveArtifacts(request, run, signal);
  if (archive.bytes === 0)
    return { ...nothingRestored('save-artifacts gave nothing'), pulledBytes };
  await placeArtifacts(input, archive.path, signal);
  const { bytes } = archive;
  const reason = `${megabytes(bytes)} of artifacts of ${name}, by its save-artifacts`;
  return { way: 'previous-image', reason, bytes, pulledBytes, savedBytes: 0 };
}

/** Extracts an archive into `<destination>/artifacts`: new files of the build, so that moving them is a rename. */
async function placeArtifacts(
  { agent, container, destination, user }: RestoreInput,
  archive: string,
  signal: AbortSignal,
): Promise<void> {
  const to = `${destination === '/' ? '' : destination}/artifacts`;
  const { workspace } = container;
  await agent.call('placeArchive', { workspace, archive, to, owner: user }, { signal });
}

/**
 * Makes the script of this build available in the previous image and returns its path there. A script of the
 * builder image runs where it lies when the previous image has the same; otherwise the current one is brought.
 */
async function bringScript(
  { agent, container: current, destination, scripts, user }: RestoreInput,
  previous: Container,
  signal: AbortSignal,
): Promise<string> {
  const { kind, path } = scripts.require('save-artifacts');
  if (kind !== 'image') {
    await scripts.place(agent, previous, user, 0n, signal);
    return path;
  }
  const [wanted, there] = await Promise.all([
    scripts.read('save-artifacts', current, signal),
    previous.readFile(path, maxScriptSize, signal),
  ]);
  if (there !== undefined && Buffer.compare(wanted, there) === 0) return path;
  const to = scriptsDirectory(destination);
  const script = ['save-artifacts', Buffer.from(wanted)] as const;
  await placeScripts(agent, previous, { scripts: [script], to, owner: user, mtime: 0n }, signal);
  return `${to}/save-artifacts`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
