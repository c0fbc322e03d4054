/** What one instruction is carried out with, and what it gives. */

import type { Arguments, Instruction, Scope, StageInput } from '../dockerfile/index.ts';
import type { Reporter } from '../events/index.ts';
import { isJsonObject } from '../model/index.ts';
import type { Container } from '../pipeline/index.ts';
import { Container as Opened } from '../pipeline/index.ts';
import { type ResolvedUser, type UserOrigin, userOfImage } from '../s2i/index.ts';
import { chainOf, imageConfigOf, type StageLayer, type StageState } from './stage-state.ts';
import type { CacheStep } from './step-cache.ts';
import type { Workshop } from './workshop.ts';

/** Everything that an instruction is carried out with. */
export interface StepContext {
  readonly workshop: Workshop;
  /** Name of the step from one build to the next: stage and place in it. */
  readonly name: string;
  /** Name of the stage when there is more than one, for its output. */
  readonly speaker?: string;
  readonly state: StageState;
  /** Layers of the base image, which are unpacked first. */
  readonly baseLayers: number;
  readonly scope: Scope;
  readonly arguments: Arguments;
  readonly signal: AbortSignal;
  /** Whether the instruction was written by the user, and not by whoever made the base image or the context. */
  readonly isTrusted: boolean;
  /** Layers of a stage or an image that the instruction takes from. */
  input(
    from: string,
  ): Promise<{ readonly what: StageInput; readonly layers: readonly StageLayer[] }>;
}

/** What an instruction about files gave. */
export interface StepOutcome {
  /** Absent when no file changed. */
  readonly layer?: StageLayer;
  readonly isCached: boolean;
  /** Where it was found, or why it was not. */
  readonly reason: string;
}

/** An instruction with its texts resolved. */
export type Step<K extends Instruction['kind']> = Extract<Instruction, { readonly kind: K }>;

/** What can be wrong with keeping the result of a step. */
export interface CacheDoubts {
  /** Why the step can be in no cache. */
  readonly whyNot?: string | undefined;
  /** Asks, when the step has run, whether its inputs are still what they were. */
  readonly isSame?: () => Promise<boolean>;
  /** The result may have lost owners where there is a single user id. */
  readonly dependsOnIds?: boolean;
}

/** Takes the result of a step out of the cache, or carries it out when there is room and keeps what it gave. */
export async function cached(
  context: StepContext,
  step: CacheStep,
  work: () => Promise<StageLayer | undefined>,
  { whyNot, isSame, dependsOnIds }: CacheDoubts = {},
): Promise<StepOutcome> {
  const { lease, limit } = context.workshop;
  const found = whyNot ?? (await recall(context, step));
  if (typeof found !== 'string') return found;
  const layer = await limit(work);
  context.signal.throwIfAborted();
  if (layer !== undefined) await lease.add([layer.descriptor.digest]);
  const mayKeep = whyNot === undefined && (isSame === undefined || (await isSame()));
  if (mayKeep) await keep(context, step, layer, dependsOnIds);
  return { ...(layer === undefined ? {} : { layer }), isCached: false, reason: found };
}

/** Takes the result of a step out of the cache; a text says why it is not there. */
export async function recall(
  { workshop, signal }: StepContext,
  step: CacheStep,
): Promise<StepOutcome | string> {
  const found = await workshop.cache.find(step, signal);
  if (!found.found) return found.why;
  const { layer, blobs, near, place, facts } = found;
  const isOfOneId = isJsonObject(facts) && facts['ids'] === 'single';
  // Only then it has to be known who we are, which takes the agent to start.
  if (isOfOneId && (await workshop.agent()).idMapping.kind !== 'single')
    return 'it was made where there is a single user id';
  const origin = 'build' as const;
  const at = near === undefined ? { blobs, origin } : { blobs, origin, near };
  return {
    ...(layer === undefined ? {} : { layer: { ...layer, ...at } }),
    isCached: true,
    reason: place,
  };
}

/** Keeps the result of a step, whose layer is in the store. */
export async function keep(
  { workshop }: StepContext,
  step: CacheStep,
  layer: StageLayer | undefined,
  dependsOnIds = false,
): Promise<void> {
  const { descriptor, diffId } = layer ?? {};
  const facts = dependsOnIds ? { ids: (await workshop.agent()).idMapping.kind } : null;
  await workshop.cache.keep(step, {
    ...(descriptor === undefined || diffId === undefined ? {} : { layer: { descriptor, diffId } }),
    facts,
  });
}

/** The input of a cache key that stands for all files below. */
export function parentInput({ state }: Pick<StepContext, 'state'>) {
  return { label: 'root file system', value: chainOf(state) ?? 'empty' };
}

/** Opens a writable view of a stage as it is. */
export async function openStage(
  context: StepContext,
  reporter: Reporter = context.workshop.deps.reporter,
): Promise<Container> {
  const { workshop, state, signal } = context;
  const key = await workshop.rootfs(state.layers, signal);
  const deps = { ...workshop.deps, reporter, agent: await workshop.agent() };
  return Opened.open(deps, key, imageConfigOf(state), workshop.request.storage, signal);
}

const numeric = /^\d+(?::\d+)?$/;

/**
 * Finds the owner that `--chown` names. A number without a group is its own group.
 *
 * @throws BuildError `BUILDER_INVALID` for names that the stage does not have
 */
export async function findOwner(
  context: StepContext,
  text: string,
): Promise<{ readonly uid: number; readonly gid: number }> {
  const origin: UserOrigin = { what: '--chown', from: 'user' };
  if (numeric.test(text)) {
    const [uid = '0', gid = uid] = text.split(':');
    return { uid: Number(uid), gid: Number(gid) };
  }
  const [user = '', group] = text.split(':');
  await using container = await openStage(context);
  const found = await container.user(text, origin, context.signal);
  const isOwnGroup = group === undefined && /^\d+$/.test(user);
  return { uid: found.uid, gid: isOwnGroup ? found.uid : found.gid };
}

/** Finds who the processes of a stage are. */
export async function findUser(
  container: Container,
  state: StageState,
  signal: AbortSignal,
): Promise<ResolvedUser> {
  const { user } = imageConfigOf(state).execution;
  return await container.user(user, userOfImage, signal);
}
