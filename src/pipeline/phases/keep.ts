/**
 * After the build: saves the artifacts of the container that was just built, and keeps them beside the image for the
 * next incremental build. Never fails a build that has succeeded.
 */

import { asBuildError } from '../../errors/index.ts';
import type { ComposedImage, ImageDestination } from '../../image/index.ts';
import { descriptorOf, digestOf } from '../../model/index.ts';
import type { ResolvedUser } from '../../s2i/index.ts';
import type { Lease, Store } from '../../store/index.ts';
import type { BuildRun } from '../build-run.ts';
import type { Container } from '../container.ts';
import {
  attachKeptArtifacts,
  describeArchive,
  type KeptArtifacts,
  storeArchive,
} from '../kept-artifacts.ts';
import type { BuildRequest } from '../request.ts';
import { runSaveArtifacts } from '../save-artifacts.ts';
import type { Scripts } from '../scripts.ts';

/** The container after assemble, and what its artifacts were restored from. */
export interface AssembledContainer {
  readonly container: Container;
  readonly user: ResolvedUser;
  readonly scripts: Scripts;
  readonly environment: readonly string[];
  readonly lease: Lease;
  /** The artifacts that this build began with, if they were kept ones. */
  readonly restored: KeptArtifacts | undefined;
}

/** Artifacts that are ready to be kept, or why there are none. */
export type SavedArtifacts =
  | { readonly ready: true; readonly kept: KeptArtifacts; readonly unchanged: boolean }
  | { readonly ready: false; readonly reason: string; readonly isProblem: boolean };

/** What became of the artifacts. */
export interface KeepReport {
  readonly kept: boolean;
  readonly reason: string;
  /** Bytes sent; none when the artifacts are those of the build before. */
  readonly sentBytes: number;
}

/** Runs save-artifacts in the container that was built and brings its output into the store. */
export async function saveArtifacts(
  { deps, request, timer }: BuildRun,
  input: AssembledContainer | undefined,
  destination: ImageDestination,
  signal: AbortSignal,
): Promise<SavedArtifacts> {
  if (!request.incremental || request.saveArtifacts === 'never') return nothing('not asked for');
  if (input === undefined) return nothing('nothing was built');
  if (!destination.holdsReferrers) return nothing(`${destination.name} is an archive`);
  if (input.scripts.plan.scripts['save-artifacts'] === undefined)
    return nothing('there is no script save-artifacts');
  return timer.run('keep', async () => {
    const saved = await save(deps.store, request, input, signal).catch((thrown: unknown) => {
      signal.throwIfAborted();
      return { ready: false, reason: asBuildError(thrown).message, isProblem: true } as const;
    });
    return { value: saved, detail: saved.ready ? describe(saved) : saved.reason };
  });
}

async function save(
  store: Store,
  request: BuildRequest,
  { container, environment, lease, restored, scripts, user }: AssembledContainer,
  signal: AbortSignal,
): Promise<SavedArtifacts> {
  const { path } = scripts.require('save-artifacts');
  const viaShell = scripts.viaShell('save-artifacts');
  const script = digestOf(await scripts.read('save-artifacts', container, signal));
  const run = { container, user, path, viaShell, environment, phase: 'keep' } as const;
  const archive = await runSaveArtifacts(request, run, signal);
  if (archive.bytes === 0) return nothing('save-artifacts gave nothing');
  const { content, compression } = await describeArchive(archive.path, signal);
  if (restored?.content === content)
    return { ready: true, kept: { ...restored, script }, unchanged: true };
  const layer = await storeArchive({ store, lease }, archive.path, compression, signal);
  return { ready: true, kept: { layer, content, script }, unchanged: false };
}

/** Puts saved artifacts beside the published image. */
export async function keepArtifacts(
  run: BuildRun,
  destination: ImageDestination,
  { manifest }: ComposedImage,
  saved: SavedArtifacts,
  signal: AbortSignal,
): Promise<KeepReport> {
  if (!saved.ready) {
    if (saved.isProblem) run.warn([`no artifacts are kept for the next build: ${saved.reason}`]);
    return { kept: false, reason: saved.reason, sentBytes: 0 };
  }
  try {
    const subject = descriptorOf(manifest.raw, manifest.mediaType);
    const { store } = run.deps;
    const sentBytes = await attachKeptArtifacts(store, destination, subject, saved.kept, signal);
    return { kept: true, reason: describe(saved), sentBytes };
  } catch (thrown) {
    signal.throwIfAborted();
    const { message } = asBuildError(thrown);
    run.warn([`no artifacts are kept for the next build: ${message}`]);
    return { kept: false, reason: message, sentBytes: 0 };
  }
}

function describe({ kept, unchanged }: Extract<SavedArtifacts, { ready: true }>): string {
  const size = `${(kept.layer.size / 1e6).toFixed(1)} MB of artifacts`;
  return unchanged ? `${size}, the same as before` : size;
}

function nothing(reason: string): SavedArtifacts {
  return { ready: false, reason, isProblem: false };
}
