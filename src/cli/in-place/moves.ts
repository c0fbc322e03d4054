/** The first and the last process of a build in place: they move images and run nothing of them. */

import { writeFile } from 'node:fs/promises';
import type { Config } from '../../config/index.ts';
import { BuildError } from '../../errors/index.ts';
import { type CopyReport, copyImage, type ImageSource } from '../../image/index.ts';
import { type Digest, parseManifest } from '../../model/index.ts';
import type { BuildRequest } from '../../pipeline/index.ts';
import type { Renderer } from '../../ui/index.ts';
import type { Invocation } from '../command.ts';
import { openImages } from '../images.ts';
import { openLocalStore } from '../wiring.ts';
import type { BuildStep } from './steps.ts';

/** What a move took, and what was moved. */
export interface MoveReport extends Pick<CopyReport, 'reference' | 'blobs'> {
  /** The layers of the image, the lowest first. */
  readonly layers: readonly Digest[];
}

/** The build that a move belongs to. */
export interface Moving {
  readonly invocation: Invocation;
  readonly config: Config;
  readonly request: BuildRequest;
  readonly renderer: Renderer;
}

/**
 * Copies the builder image in, or the built image out, and writes a {@link MoveReport}.
 *
 * @throws BuildError of {@link copyImage}; `MANIFEST_INVALID` for an image that does not stand on its builder's layers
 */
export async function moveImage(
  { invocation, config, request, renderer }: Moving,
  step: Exclude<BuildStep, { step: 'assemble' }>,
): Promise<void> {
  const { io } = invocation;
  await using store = await openLocalStore(config, invocation);
  await using images = await openImages(config, io, store, renderer);
  const isFetch = step.step === 'fetch';
  await using source = await images.source(isFetch ? request.builder : step.from);
  const [base, target] = isFetch ? [[], step.to] : [step.base, request.tag];
  await using destination = await images.destination(target);
  const { platform } = request;
  if (!isFetch) checkBase(await layersOf(source, io.signal), base);
  const { signal } = io;
  const phase = isFetch ? 'fetch' : 'publish';
  const copied = await copyImage(source, destination, {
    platform,
    signal,
    phase,
    reporter: renderer,
  });
  const layers = isFetch ? await layersOf(source, signal, copied.descriptor) : [];
  const report: MoveReport = { reference: copied.reference, blobs: copied.blobs, layers };
  await writeFile(step.report, JSON.stringify(report), { mode: 0o600 });
}

async function layersOf(
  source: ImageSource,
  signal: AbortSignal,
  known?: CopyReport['descriptor'],
): Promise<readonly Digest[]> {
  const descriptor = known ?? (await source.resolve(signal));
  const bytes = await source.readManifest(descriptor, signal);
  const parsed = parseManifest(bytes, descriptor.mediaType, `manifest of ${source.name}`);
  return parsed.kind === 'manifest' ? parsed.layers.map(({ digest }) => digest) : [];
}

/** Assemble could write to the layout that the image lies in: what it stands on has to be what was fetched. */
function checkBase(layers: readonly Digest[], base: readonly Digest[]): void {
  if (base.every((digest, i) => layers[i] === digest) && layers.length <= base.length + 1) return;
  throw new BuildError('MANIFEST_INVALID', 'the image does not stand on the layers of its builder');
}
