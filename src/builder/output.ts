/** Where the result of a build goes: images under their names, and the root file system as files. */

import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { BuildError } from '../errors/index.ts';
import type { ComposedImage } from '../image/index.ts';
import { type LayerReport, sendImage, type TransferReport } from '../pipeline/index.ts';
import { extractArchive } from '../source/index.ts';
import { fileError, Replacement } from '../store/index.ts';
import type { Output } from './request.ts';
import type { StageState } from './stage-state.ts';
import type { Workshop } from './workshop.ts';

/** What was published. */
export interface Published {
  readonly images: readonly string[];
  readonly layers: readonly LayerReport[];
  readonly transfer: Omit<TransferReport, 'pulled'>;
}

/** An image, ready to be sent. */
export interface Finished {
  readonly image: ComposedImage;
  readonly state: StageState;
  /** No step had to run. */
  readonly mayBeThere: boolean;
}

/** Gives the image to all its names. What the first one had to send the others find. */
export async function publishImage(
  { deps, request }: Workshop,
  { image, state, mayBeThere }: Finished,
  signal: AbortSignal,
): Promise<{ readonly value: Published; readonly detail?: string }> {
  const images: string[] = [];
  let first: Awaited<ReturnType<typeof sendImage>> | undefined;
  for (const tag of request.tags) {
    await using destination = await deps.images.destination(tag);
    const sent = await sendImage(
      deps,
      { image, layers: state.layers, destination, mayBeThere },
      signal,
    );
    first ??= sent;
    images.push(sent.value.reference);
  }
  const { value, detail } = first ?? {};
  const transfer = value?.transfer ?? { mounted: 0, pushed: 0, skipped: 0 };
  return {
    value: { images, layers: value?.layers ?? [], transfer },
    ...(detail === undefined ? {} : { detail }),
  };
}

/**
 * Writes the root file system as a tar archive, whole or not at all, or as files into a directory that is empty.
 *
 * @throws BuildError `USAGE_INVALID` for a directory with something in it, `SOURCE_INVALID` for devices in a directory
 */
export async function writeOutput(
  workshop: Workshop,
  output: Output,
  state: StageState,
  signal: AbortSignal,
): Promise<void> {
  const { store } = workshop.deps;
  const { digest } = await flatten(workshop, state, signal);
  const path = resolve(workshop.request.directory, output.destination);
  const archive = await store.pathOf(digest);
  if (output.kind === 'directory') {
    await mkdir(path, { recursive: true });
    await extractArchive(createReadStream(archive), path, 'the root file system', {}, signal);
    return;
  }
  await using written = await Replacement.open(path, signal);
  try {
    await written.file.writeFile(createReadStream(archive), { signal });
    await written.finish();
  } catch (error) {
    throw await fileError(error, `cannot write ${path}`, dirname(path));
  }
}

/** The root file system as one archive in the store. */
async function flatten(workshop: Workshop, state: StageState, signal: AbortSignal) {
  const key = await workshop.rootfs(state.layers, signal);
  await using scratch = await workshop.deps.store.createScratch();
  const agent = await workshop.agent();
  const layer = await agent.call(
    'copyFiles',
    {
      sources: [{ kind: 'rootfs', key, patterns: ['.'] }],
      ...{ exclude: [], parents: false, layers: [], destination: '/' },
      ...{ epoch: workshop.epoch, timestamps: 'preserve', compression: 'none' },
      spool: scratch.path,
    },
    { signal },
  );
  if (layer === undefined)
    throw new BuildError(
      'USAGE_INVALID',
      'the root file system is empty: there is nothing to write',
    );
  await workshop.lease.add([layer.digest]);
  return layer;
}
