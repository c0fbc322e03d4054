/**
 * Lists that come in pages: tags and referrers.
 */

import type { Descriptor, Digest } from '../../model/index.ts';
import { nameOf } from '../endpoints/place.ts';
import { getReferrers, type ReferrersPage, referrersPath } from '../endpoints/referrers.ts';
import { firstTagPage, getTagPage, type TagPage } from '../endpoints/tags.ts';
import { readReferrersTag } from './referrers-tag.ts';
import { type RepositoryState, runSmall } from './state.ts';

/** Lists all tags, sorted, without duplicates. A page that brings nothing new is the last one. */
export async function listTags(
  state: RepositoryState,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { place, context } = state;
  const found = new Set<string>();
  let path: string | URL | undefined = firstTagPage;
  for (let page = 0; path !== undefined && page < context.settings.limits.pages; page += 1) {
    const asked: string | URL = path;
    const { tags, next }: TagPage = await runSmall(
      place,
      { what: `list the tags of ${nameOf(place)}` },
      signal,
      () => getTagPage(place, asked, signal),
    );
    const before = found.size;
    for (const tag of tags) found.add(tag);
    path = found.size > before ? next : undefined;
  }
  return [...found].toSorted();
}

/** Lists what refers to a manifest, by the API or by the tag that clients keep. */
export async function listReferrers(
  state: RepositoryState,
  digest: Digest,
  artifactType: string | undefined,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const { place, context } = state;
  const found = new Map<Digest, Descriptor>();
  let path: string | URL | undefined = referrersPath(digest, artifactType);
  for (let page = 0; path !== undefined && page < context.settings.limits.pages; page += 1) {
    const asked: string | URL = path;
    const result: ReferrersPage | undefined = await runSmall(
      place,
      { what: `list the referrers of ${nameOf(place, digest)}` },
      signal,
      () => getReferrers(place, asked, signal),
    );
    if (result === undefined) {
      const manifests = await readReferrersTag(state, digest, signal);
      return manifests.filter((entry) => isOfType(entry, artifactType));
    }
    const before = found.size;
    for (const entry of result.manifests) {
      if (result.filtered || isOfType(entry, artifactType)) found.set(entry.digest, entry);
    }
    path = found.size > before || result.manifests.length > 0 ? result.next : undefined;
  }
  return [...found.values()];
}

function isOfType(entry: Descriptor, artifactType: string | undefined): boolean {
  return artifactType === undefined || entry.artifactType === artifactType;
}
