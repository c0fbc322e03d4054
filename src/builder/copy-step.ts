/** COPY, ADD and WORKDIR: files become a layer without any process that runs. */

import { posix } from 'node:path';
import {
  type CapturedLayer,
  type CopySelection,
  type CopySource,
  digestFiles,
  type FileDigest,
} from '../agent/index.ts';
import { fetchSources } from './add-sources.ts';
import { pathIn } from './metadata.ts';
import { pinnedInput } from './pinned-sources.ts';
import { imageConfigOf, type StageLayer } from './stage-state.ts';
import {
  cached,
  findOwner,
  keep,
  parentInput,
  recall,
  type Step,
  type StepContext,
  type StepOutcome,
} from './step.ts';
import type { CacheStep } from './step-cache.ts';

/** Carries out COPY or ADD. What is known by name is looked up before it is looked at. */
export async function copyStep(
  context: StepContext,
  step: Step<'copy' | 'add'>,
): Promise<StepOutcome> {
  const destination = destinationOf(context, step.destination);
  const inputs = [
    parentInput(context),
    { label: 'destination', value: destination },
    { label: 'owner', value: step.owner ?? '' },
    { label: 'mode', value: step.mode ?? '' },
    { label: 'options', value: JSON.stringify([step.kind, step.parents, step.exclude]) },
    ...layerInputs(context),
  ];
  const pinned = await pinnedInput(context, step);
  if (pinned === undefined) return copyByContent(context, step, inputs);
  const name = `${context.name}, by the name of its files`;
  const byName = { kind: 'copy', name, inputs: [...inputs, pinned] };
  const found = await recall(context, byName);
  if (typeof found !== 'string') return found;
  const outcome = await copyByContent(context, step, inputs);
  if (outcome.layer?.near === undefined) await keep(context, byName, outcome.layer);
  return outcome;
}

/** Files that are the same make the same layer, wherever they come from. */
async function copyByContent(
  context: StepContext,
  step: Step<'copy' | 'add'>,
  others: CacheStep['inputs'],
): Promise<StepOutcome> {
  const selection = await selectionOf(context, step);
  const files = (await digestsOf(context, selection)).map(({ path, digest }) => ({
    label: `file ${path}`,
    value: digest,
  }));
  const work = async () => {
    const owner = step.owner === undefined ? {} : { owner: await findOwner(context, step.owner) };
    const mode = step.mode === undefined ? {} : { mode: step.mode };
    const destination = destinationOf(context, step.destination);
    return write(context, { ...selection, destination, ...owner, ...mode });
  };
  // Files of the context can be written to while they are copied; those of root file systems never are.
  const isSame = async () => {
    if (selection.sources.every(({ kind }) => kind === 'rootfs')) return true;
    const after = await digestsOf(context, selection);
    return (
      after.length === files.length && after.every(({ digest }, i) => digest === files[i]?.value)
    );
  };
  const inputs = [...others, ...files];
  return cached(context, { kind: 'copy', name: context.name, inputs }, work, { isSame });
}

/** Files that this process may not read are for the agent, as are those of root file systems. */
async function digestsOf(
  { workshop, signal }: StepContext,
  selection: CopySelection,
): Promise<readonly FileDigest[]> {
  const { limit, deps } = workshop;
  const isOurs = selection.sources.every(({ kind }) => kind !== 'rootfs');
  const own = isOurs
    ? await limit(() => digestFiles(deps.store, selection, signal)).catch(() => undefined)
    : undefined;
  if (own !== undefined) return own;
  const agent = await workshop.agent();
  return limit(() => agent.call('digestFiles', selection, { signal }));
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
