/** COPY, ADD and WORKDIR: files become a layer without any process that runs. */

import { posix } from 'node:path';
import type { CapturedLayer, CopySelection, CopySource } from '../agent/index.ts';
import { fetchSources } from './add-sources.ts';
import { pathIn } from './metadata.ts';
import { imageConfigOf, type StageLayer } from './stage-state.ts';
import {
  cached,
  findOwner,
  parentInput,
  type Step,
  type StepContext,
  type StepOutcome,
} from './step.ts';

/** Carries out COPY or ADD. */
export async function copyStep(
  context: StepContext,
  step: Step<'copy' | 'add'>,
): Promise<StepOutcome> {
  const { workshop, signal } = context;
  const destination = destinationOf(context, step.destination);
  const selection = await selectionOf(context, step);
  const agent = await workshop.agent();
  const digests = () => workshop.limit(() => agent.call('digestFiles', selection, { signal }));
  const files = (await digests()).map(({ path, digest }) => ({
    label: `file ${path}`,
    value: digest,
  }));
  const inputs = [
    parentInput(context),
    { label: 'destination', value: destination },
    { label: 'owner', value: step.owner ?? '' },
    { label: 'mode', value: step.mode ?? '' },
    { label: 'options', value: JSON.stringify([step.kind, step.parents, step.exclude]) },
    ...layerInputs(context),
    ...files,
  ];
  const work = async () => {
    const owner = step.owner === undefined ? {} : { owner: await findOwner(context, step.owner) };
    const mode = step.mode === undefined ? {} : { mode: step.mode };
    return write(context, { ...selection, destination, ...owner, ...mode });
  };
  // Files of the context can be written to while they are copied.
  const isSame = async () => {
    const after = await digests();
    return (
      after.length === files.length && after.every(({ digest }, i) => digest === files[i]?.value)
    );
  };
  return cached(context, { kind: 'copy', name: context.name, inputs }, work, { isSame });
}

/** Makes the working directory, which belongs to the user of the stage. */
export async function workdirStep(
  context: StepContext,
  step: Step<'workdir'>,
): Promise<StepOutcome> {
  const path = pathIn(context.state.config, step.path);
  const { user } = imageConfigOf(context.state).execution;
  const inputs = [
    parentInput(context),
    { label: 'path', value: path },
    { label: 'user', value: user },
    ...layerInputs(context),
  ];
  return cached(context, { kind: 'workdir', name: context.name, inputs }, async () => {
    const isRoot = user === '' || /^(?:root|0)(?::(?:root|0))?$/.test(user);
    const owner = isRoot ? {} : { owner: await findOwner(context, user) };
    const destination = path.endsWith('/') ? path : `${path}/`;
    return write(context, { sources: [], exclude: [], parents: false, destination, ...owner });
  });
}

/** What of the request decides about the bytes of a layer. */
export function layerInputs({ workshop }: StepContext) {
  const { timestamps, compression, compressionLevel } = workshop.request;
  return [
    { label: 'times', value: `${timestamps} ${workshop.epoch}` },
    { label: 'compression', value: `${compression} ${compressionLevel ?? ''}` },
  ];
}

/** A layer that was written now, as layers of stages are. */
export function stageLayer(
  { workshop }: Pick<StepContext, 'workshop'>,
  layer: CapturedLayer,
): StageLayer {
  return workshop.storedLayer(layer, workshop.request.compression);
}

async function write(
  context: StepContext,
  request: CopySelection & {
    readonly destination: string;
    readonly owner?: { readonly uid: number; readonly gid: number };
    readonly mode?: string;
  },
): Promise<StageLayer | undefined> {
  const { workshop, state, baseLayers, signal } = context;
  const { timestamps, compression, compressionLevel } = workshop.request;
  const base = await workshop.base(state.layers, baseLayers, signal);
  await using scratch = await workshop.deps.store.createScratch();
  const level = compressionLevel === undefined ? {} : { compressionLevel };
  const agent = await workshop.agent();
  const options = { epoch: workshop.epoch, timestamps, compression, ...level };
  const input = { ...request, ...base, ...options, spool: scratch.path };
  const layer = await agent.call('copyFiles', input, { signal });
  return layer === undefined ? undefined : stageLayer(context, layer);
}

/** A slash at the end, and a dot behind one, say that a directory is meant. */
function destinationOf({ state }: StepContext, text: string): string {
  const path = pathIn(state.config, text);
  const isDirectory = /(?:^|\/)\.{0,2}$/.test(text);
  return isDirectory && !path.endsWith('/') ? `${path}/` : path;
}

async function selectionOf(
  context: StepContext,
  step: Step<'copy' | 'add'>,
): Promise<CopySelection> {
  const texts = step.inline.map(({ name, content }) => ({ kind: 'text' as const, name, content }));
  const sources = [...(await sourcesOf(context, step)), ...texts];
  return { sources, exclude: step.exclude, parents: step.parents };
}

async function sourcesOf(
  context: StepContext,
  step: Step<'copy' | 'add'>,
): Promise<readonly CopySource[]> {
  const { workshop, signal } = context;
  if (step.from !== undefined) {
    const { layers } = await context.input(step.from);
    const key = await workshop.rootfs(layers, signal);
    return [{ kind: 'rootfs', key, patterns: step.sources.map(clean) }];
  }
  const { local, fetched } = await fetchSources(context, step);
  if (local.length === 0) return fetched;
  const { path, ignore } = workshop.context;
  const unpack = step.kind === 'add' && step.unpack !== false;
  return [{ kind: 'directory', path, ignore, patterns: local, unpack }, ...fetched];
}

function clean(source: string): string {
  return posix.normalize(source);
}
