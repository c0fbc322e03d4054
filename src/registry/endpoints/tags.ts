/**
 * Tags: end-8 of the distribution-spec, all pages of it.
 */

import { isTag } from '../../model/index.ts';
import { unexpected } from '../host/exchange.ts';
import { receiveAll } from '../host/receive.ts';
import { adoptUrl } from '../http/adopt.ts';
import { BodyTooLarge } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';
import { nextLink } from '../http/link.ts';
import { type Place, send } from './place.ts';

/** Larger pages are refused by some registries (ECR). */
const pageSize = 1000;
const maxPage = 16 * 1024 * 1024;

/** One page of tags and where the next one is. */
export interface TagPage {
  readonly tags: readonly string[];
  readonly next: string | URL | undefined;
}

/** The first page. */
export const firstTagPage = `tags/list?n=${pageSize}`;

/** Fetches one page. Prefers the registry's link to the next; without one, asks on after the last tag. */
export async function getTagPage(
  place: Place,
  path: string | URL,
  signal: AbortSignal,
): Promise<TagPage> {
  const answer = await send(
    place,
    { kind: 'tags', method: 'GET', path, action: 'pull', headers: { accept: 'application/json' } },
    signal,
  );
  if (answer.status !== 200) throw await unexpected(place.host, answer);
  const { method, url } = answer;
  let tags: readonly string[];
  try {
    tags = tagsIn(await receiveAll(place.host.context, answer, maxPage, signal));
  } catch (cause) {
    if (cause instanceof RequestFailure || signal.aborted) throw cause;
    const why = cause instanceof BodyTooLarge ? cause.message : 'it is no JSON document with tags';
    throw new RequestFailure('protocol', `the list of tags cannot be read: ${why}`, {
      method,
      url,
      cause,
    });
  }
  const link = nextLink(answer.headers.get('link'));
  if (link !== undefined) return { tags, next: adoptUrl(link, answer, 'next page') };
  const last = tags.at(-1);
  const more = tags.length === pageSize && last !== undefined;
  return { tags, next: more ? `${firstTagPage}&last=${encodeURIComponent(last)}` : undefined };
}

/** What is no tag by the grammar cannot be asked for and is left out. */
function tagsIn(body: Buffer): readonly string[] {
  const { tags } = JSON.parse(body.toString('utf8')) as { tags?: unknown };
  if (tags === null || tags === undefined) return [];
  if (!Array.isArray(tags)) throw new Error('tags is not a list');
  return tags.filter((tag): tag is string => typeof tag === 'string' && isTag(tag));
}
