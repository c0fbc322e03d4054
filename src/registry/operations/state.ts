/**
 * What the operations on one repository share, and the two ways they run: small requests with retry in
 * the host's lane, pulls through mirrors.
 */

import type { OpenBlob } from '../../blob/index.ts';
import { BuildError, type ErrorCode } from '../../errors/index.ts';
import type { Descriptor, Digest } from '../../model/index.ts';
import type { Context } from '../context.ts';
import type { Place } from '../endpoints/place.ts';
import { withRetry } from '../host/retry.ts';
import type { BlobLocations } from '../locations.ts';
import type { Mirror } from '../mirrors/types.ts';

/** A mirror and whether it is still worth asking. */
export interface MirrorPlace extends Place {
  readonly pullFrom: Mirror['pullFrom'];
  /** Set when it failed otherwise than by not having something. */
  broken: boolean;
}

/** A blob that was put here, so that it can be put again should the registry lose it. */
export interface KnownBlob {
  readonly descriptor: Descriptor;
  readonly open: OpenBlob;
}

/** One repository's state. */
export interface RepositoryState {
  readonly context: Context;
  /** As in the reference. */
  readonly registry: string;
  readonly repository: string;
  /** The registry that was named, for everything but pulls. */
  readonly place: Place;
  /** Where it is pulled from when no mirror answers. */
  readonly upstream: Place;
  readonly mirrors: readonly MirrorPlace[];
  readonly locations: BlobLocations;
  readonly known: Map<Digest, KnownBlob>;
}

/** Attempts at a mirror: there is always another place to ask. */
const mirrorAttempts = 2;

/** Bounds an operation by the caller's signal and the total time. */
export function boundedSignal(context: Context, signal: AbortSignal | undefined): AbortSignal {
  const ms = context.settings.timeouts.totalMs;
  const total = new AbortController();
  const timer = setTimeout(() => {
    total.abort(
      new BuildError('REGISTRY_UNAVAILABLE', `the registry operation took over ${ms / 1000} s`, {
        retryable: true,
      }),
    );
  }, ms);
  timer.unref();
  return signal === undefined ? total.signal : AbortSignal.any([signal, total.signal]);
}

/** What a small operation is called and what a 404 means. */
export interface SmallOperation {
  readonly what: string;
  readonly notFound?: ErrorCode;
}

/** Runs a small operation at one place with retry, in the lane for such requests. */
export function runSmall<T>(
  place: Place,
  operation: SmallOperation,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const { what, notFound = 'IMAGE_NOT_FOUND' } = operation;
  return place.host.limits.small(() => withRetry(place.host, { what, notFound }, signal, work));
}

/**
 * Runs a pull at the mirrors in their order and then at the registry itself. A mirror that lacks
 * something is asked again for other things; one that fails is left alone from then on.
 */
export async function throughMirrors<T>(
  state: RepositoryState,
  by: 'tag' | 'digest',
  signal: AbortSignal,
  work: (place: Place, attempts: number | undefined) => Promise<T>,
): Promise<T> {
  for (const mirror of state.mirrors) {
    if (mirror.broken || (mirror.pullFrom !== 'all' && mirror.pullFrom !== `${by}-only`)) continue;
    try {
      return await work(mirror, mirrorAttempts);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof BuildError)) throw error;
      mirror.broken = error.code !== 'IMAGE_NOT_FOUND' && error.code !== 'BLOB_NOT_FOUND';
      mirror.host.tell('info', `${error.message}; asking the next registry`);
    }
  }
  return work(state.upstream, undefined);
}

/** Leaves a place alone from now on, if it is a mirror. */
export function giveUpMirror(state: RepositoryState, place: Place): void {
  const mirror = state.mirrors.find((candidate) => candidate === place);
  if (mirror !== undefined) mirror.broken = true;
}
