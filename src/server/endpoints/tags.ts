/** The tags of a repository, in ASCII order and in pages (end-8). */

import type { Handler } from '../exchange.ts';
import { jsonReply, Refusal } from '../reply.ts';

/** GET of the list of tags. */
export const getTags: Handler<'tags'> = async ({ route, query, registry }) => {
  const { repository } = route;
  const { manifests, tags } = registry.storage;
  if (!(await manifests.isKnown(repository))) {
    throw new Refusal(404, 'NAME_UNKNOWN', `there is no repository ${repository}`);
  }
  const count = countFrom(query.get('n'));
  const last = query.get('last') ?? '';
  const rest = (await tags.list(repository)).filter((tag) => tag > last);
  const page = rest.slice(0, count);
  const link = page.length > 0 && page.length < rest.length ? nextLink(repository, page) : {};
  return jsonReply({ name: repository, tags: page }, link);
};

function nextLink(repository: string, page: readonly string[]): { Link: string } {
  const last = encodeURIComponent(page.at(-1) ?? '');
  return { Link: `</v2/${repository}/tags/list?n=${page.length}&last=${last}>; rel="next"` };
}

function countFrom(text: string | null): number {
  if (text === null) return Number.POSITIVE_INFINITY;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Refusal(400, 'UNSUPPORTED', `n is not a count: ${text.slice(0, 100)}`);
}
