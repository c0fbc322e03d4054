/**
 * Deleting manifests and tags.
 */

import { type Digest, isDigest, parseManifest } from '../../model/index.ts';
import { deleteManifest, getManifest } from '../endpoints/manifests.ts';
import { nameOf } from '../endpoints/place.ts';
import { getReferrers, referrersPath } from '../endpoints/referrers.ts';
import { isStatus, RequestFailure } from '../http/failure.ts';
import { removeReferrer } from './referrers-tag.ts';
import { type RepositoryState, runSmall } from './state.ts';

/**
 * Deletes a tag, or a manifest by digest with its entry in the referrers list of its subject. An answer
 * that was lost is no failure: what is gone at the second attempt was deleted by the first.
 */
export async function removeManifest(
  state: RepositoryState,
  selector: string,
  signal: AbortSignal,
): Promise<void> {
  const { place } = state;
  const subject = isDigest(selector) ? await subjectOf(state, selector, signal) : undefined;
  let attempt = 0;
  await runSmall(place, { what: `delete ${nameOf(place, selector)}` }, signal, async () => {
    attempt += 1;
    try {
      await deleteManifest(place, selector, signal);
    } catch (error) {
      if (attempt === 1 || !isStatus(error, 404)) throw explained(error, selector);
    }
  });
  if (subject !== undefined && isDigest(selector)) {
    await removeReferrer(state, subject, selector, signal);
  }
}

/** Registries that do not delete say so with 400 or 405, whatever words they add (end-9). */
function explained(error: unknown, selector: string): unknown {
  if (!isStatus(error, 400, 405)) return error;
  const [kind, suggestion] = isDigest(selector)
    ? ['manifests', 'turn deletion on at the registry, or let its retention rules do the work']
    : ['tags', 'delete the manifest by its digest, which removes all its tags'];
  return new RequestFailure(
    error.kind,
    `the registry does not delete ${kind}, or deletion is turned off there: ${error.message}`,
    { ...error, suggestion },
  );
}

/** The subject of a manifest, where clients keep the list of referrers. */
async function subjectOf(
  state: RepositoryState,
  digest: Digest,
  signal: AbortSignal,
): ReturnType<typeof findSubject> {
  const what = `read ${nameOf(state.place, digest)}`;
  return runSmall(state.place, { what }, signal, () => findSubject(state, digest, signal));
}

async function findSubject(state: RepositoryState, digest: Digest, signal: AbortSignal) {
  const { place } = state;
  const { bytes, contentType } = await getManifest(place, digest, { digest }, signal);
  const { subject } = parseManifest(bytes, contentType, nameOf(place, digest));
  if (subject === undefined) return undefined;
  const hasApi = await getReferrers(place, referrersPath(subject.digest, undefined), signal);
  return hasApi === undefined ? subject : undefined;
}
