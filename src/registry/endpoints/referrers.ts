/**
 * Referrers: end-12 of the distribution-spec, one page per call.
 */

import {
  bareMediaType,
  type Descriptor,
  type Digest,
  maxManifestSize,
  mediaTypes,
  parseManifest,
} from '../../model/index.ts';
import { unexpected } from '../host/exchange.ts';
import { receiveAll } from '../host/receive.ts';
import { adoptUrl } from '../http/adopt.ts';
import { BodyTooLarge, discard } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';
import { nextLink } from '../http/link.ts';
import { headerOf } from '../http/types.ts';
import { nameOf, type Place, send } from './place.ts';

/** One page of referrers. */
export interface ReferrersPage {
  readonly manifests: readonly Descriptor[];
  readonly next: URL | undefined;
  /** Whether the registry kept only those of the type that was asked for. */
  readonly filtered: boolean;
}

/** Where the list for a digest begins. */
export function referrersPath(digest: Digest, artifactType: string | undefined): string {
  const query =
    artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`;
  return `referrers/${digest}${query}`;
}

/** Fetches one page; undefined when the registry has no referrers API. */
export async function getReferrers(
  place: Place,
  path: string | URL,
  signal: AbortSignal,
): Promise<ReferrersPage | undefined> {
  const answer = await send(
    place,
    {
      kind: 'referrers',
      method: 'GET',
      path,
      action: 'pull',
      headers: { accept: mediaTypes.ociIndex },
    },
    signal,
  );
  const type = bareMediaType(headerOf(answer, 'content-type') ?? '');
  const missing = [400, 404, 405].includes(answer.status);
  if (missing || (answer.status === 200 && type !== mediaTypes.ociIndex)) {
    await discard(answer);
    return undefined;
  }
  if (answer.status !== 200) throw await unexpected(place.host, answer);
  const link = nextLink(answer.headers.get('link'));
  const filters = answer.headers.get('oci-filters-applied') ?? [];
  try {
    const bytes = await receiveAll(place.host.context, answer, maxManifestSize, signal);
    const index = parseManifest(bytes, mediaTypes.ociIndex, `referrers of ${nameOf(place)}`);
    return {
      manifests: index.kind === 'index' ? index.manifests : [],
      next: link === undefined ? undefined : adoptUrl(link, answer, 'next page'),
      filtered: filters.some((value) => value.split(/\s*,\s*/).includes('artifactType')),
    };
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    const { method, url } = answer;
    throw new RequestFailure('protocol', `the list of referrers: ${error.message}`, {
      method,
      url,
    });
  }
}
