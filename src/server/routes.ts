/**
 * From request targets to endpoints (distribution-spec, "Endpoints").
 *
 * Paths are taken apart from the end and never normalised, because repository names may contain words such
 * as `blobs`; each part is validated here, so everything behind this module may use them as file names.
 */

import { type Digest, isDigest, isRepository } from '../model/index.ts';
import { Refusal } from './reply.ts';

/** What a request is about. */
export type Route =
  | { readonly endpoint: 'base' }
  | { readonly endpoint: 'blob'; readonly repository: string; readonly digest: Digest }
  | { readonly endpoint: 'uploads'; readonly repository: string }
  | { readonly endpoint: 'session'; readonly repository: string; readonly id: string }
  | { readonly endpoint: 'manifest'; readonly repository: string; readonly reference: string }
  | { readonly endpoint: 'tags'; readonly repository: string }
  | { readonly endpoint: 'referrers'; readonly repository: string; readonly subject: Digest };

/** The route of one endpoint. */
export type RouteOf<E extends Route['endpoint']> = Extract<Route, { endpoint: E }>;

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Parses the path of a request target (without query).
 *
 * @throws Refusal 400 for a name or digest that breaks the grammar, 404 for a path that is no endpoint
 */
export function parseRoute(path: string): Route {
  const [root, version, ...rest] = path.split('/').map(decode);
  if (root !== '' || version !== 'v2') throw notAnEndpoint();
  if (rest.length === 0 || (rest.length === 1 && rest[0] === '')) return { endpoint: 'base' };
  const last = rest.at(-1) ?? '';
  const kind = rest.at(-2);
  const before = rest.at(-3);
  if (kind === 'uploads' && before === 'blobs')
    return sessionRoute(nameOf(rest.slice(0, -3)), last);
  if (kind === 'blobs' && last === 'uploads') {
    return { endpoint: 'uploads', repository: nameOf(rest.slice(0, -2)) };
  }
  const repository = () => nameOf(rest.slice(0, -2));
  if (kind === 'blobs') {
    return { endpoint: 'blob', repository: repository(), digest: digestFrom(last) };
  }
  if (kind === 'manifests') {
    return { endpoint: 'manifest', repository: repository(), reference: last };
  }
  if (kind === 'referrers') {
    return { endpoint: 'referrers', repository: repository(), subject: digestFrom(last) };
  }
  if (kind === 'tags' && last === 'list') return { endpoint: 'tags', repository: repository() };
  throw notAnEndpoint();
}

/**
 * Checks a digest that came with a request.
 *
 * @throws Refusal 400 `DIGEST_INVALID`
 */
export function digestFrom(text: string): Digest {
  if (isDigest(text)) return text;
  throw new Refusal(400, 'DIGEST_INVALID', `not a sha256 or sha512 digest: ${text.slice(0, 200)}`);
}

function sessionRoute(repository: string, id: string): Route {
  if (id === '') return { endpoint: 'uploads', repository };
  if (uuid.test(id)) return { endpoint: 'session', repository, id };
  throw new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload session');
}

function nameOf(parts: readonly string[]): string {
  const name = parts.join('/');
  if (isRepository(name)) return name;
  throw new Refusal(400, 'NAME_INVALID', `not a repository name: ${name.slice(0, 300)}`);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notAnEndpoint();
  }
}

function notAnEndpoint(): Refusal {
  return new Refusal(404, 'UNSUPPORTED', 'there is no such endpoint');
}
