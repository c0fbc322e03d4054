/** Manifests: pull (end-3), push by tag, by digest, or by digest under several tags (end-7), delete (end-9). */

import { type Digest, digestOf, isDigest, isTag } from '../../model/index.ts';
import { type Exchange, type Handler, readBody } from '../exchange.ts';
import { type Headers, Refusal, type Reply } from '../reply.ts';
import { digestFrom, type RouteOf } from '../routes.ts';
import type { ManifestRecord } from '../storage/index.ts';
import { checkPreconditions, isUnchanged } from './conditions.ts';
import { acceptManifest, subjectOf } from './manifest-rules.ts';

type ManifestExchange = Exchange<RouteOf<'manifest'>>;

/** The most tags that one push may set. */
const maxTags = 100;

/** GET and HEAD of a manifest, whatever the `Accept` header says. */
export const getManifest: Handler<'manifest'> = async (exchange) => {
  const { digest, record } = await requireManifest(exchange);
  const headers = { ...contentHeaders(digest), 'Content-Type': record.mediaType };
  if (isUnchanged(exchange.request, digest)) return { status: 304, headers };
  const length = { 'Content-Length': String(record.bytes.length) };
  const body = exchange.request.method === 'HEAD' ? {} : { body: record.bytes };
  return { status: 200, headers: { ...headers, ...length }, ...body };
};

/** PUT of a manifest. */
export const putManifest: Handler<'manifest'> = async (exchange) => {
  const { route, request, registry } = exchange;
  const { tags, named } = targetsOf(exchange);
  const bytes = await readBody(exchange, registry.limits.manifestSize);
  const digest = named === undefined ? digestOf(bytes) : verifiedDigest(bytes, named);
  const accepted = await acceptManifest(registry.storage, route.repository, {
    bytes,
    contentType: request.headers['content-type'],
  });
  await inRepository(exchange, async () => {
    for (const tag of tags) await checkTag(exchange, tag);
    await registry.storage.manifests.write(
      route.repository,
      digest,
      { mediaType: accepted.mediaType, bytes },
      accepted.subject,
    );
    for (const tag of tags) await registry.storage.tags.write(route.repository, tag, digest);
  });
  return created(exchange, digest, accepted.subject);
};

/** DELETE of a tag, or of a manifest with all its tags. */
export const deleteManifest: Handler<'manifest'> = (exchange) =>
  inRepository(exchange, async () => {
    const { repository, reference } = exchange.route;
    const { manifests, tags } = exchange.registry.storage;
    if (!isDigest(reference)) {
      if (isTag(reference) && (await tags.remove(repository, reference))) return { status: 202 };
      throw unknownManifest(exchange.route);
    }
    const record = await manifests.read(repository, reference);
    if (record === undefined) throw unknownManifest(exchange.route);
    await tags.removeAllOf(repository, reference);
    await manifests.remove(repository, reference, subjectOf(record));
    return { status: 202 };
  });

function inRepository<T>(exchange: ManifestExchange, task: () => Promise<T>): Promise<T> {
  return exchange.registry.locks.run(`repository ${exchange.route.repository}`, task);
}

async function requireManifest({
  route,
  registry,
}: ManifestExchange): Promise<{ digest: Digest; record: ManifestRecord }> {
  const { repository, reference } = route;
  const { manifests, tags } = registry.storage;
  const digest = isDigest(reference)
    ? reference
    : isTag(reference)
      ? await tags.read(repository, reference)
      : undefined;
  const record = digest === undefined ? undefined : await manifests.read(repository, digest);
  if (digest === undefined || record === undefined) throw unknownManifest(route);
  return { digest, record };
}

/** The digest and the tags under which a push wants its manifest to be found. */
function targetsOf({ route, query }: ManifestExchange): { named?: Digest; tags: string[] } {
  const tags = query.getAll('tag');
  if (tags.length > maxTags) {
    throw new Refusal(414, 'MANIFEST_INVALID', `one push sets at most ${maxTags} tags`);
  }
  const targets = route.reference.includes(':')
    ? { named: digestFrom(route.reference), tags }
    : { tags: [route.reference, ...tags] };
  const wrong = targets.tags.find((tag) => !isTag(tag));
  if (wrong === undefined) return targets;
  throw new Refusal(400, 'MANIFEST_INVALID', `not a tag: ${wrong.slice(0, 200)}`);
}

function verifiedDigest(bytes: Uint8Array, named: Digest): Digest {
  const algorithm = named.startsWith('sha512:') ? 'sha512' : 'sha256';
  if (digestOf(bytes, algorithm) === named) return named;
  throw new Refusal(400, 'DIGEST_INVALID', `the manifest is not what ${named} names`);
}

async function checkTag({ route, request, registry }: ManifestExchange, tag: string) {
  checkPreconditions(request, await registry.storage.tags.read(route.repository, tag));
}

function created({ route, query }: ManifestExchange, digest: Digest, subject?: Digest): Reply {
  const tags = query.getAll('tag');
  return {
    status: 201,
    headers: {
      ...contentHeaders(digest),
      Location: `/v2/${route.repository}/manifests/${digest}`,
      ...(subject === undefined ? {} : { 'OCI-Subject': subject }),
      ...(tags.length === 0 ? {} : { 'OCI-Tag': tags.join(', ') }),
    },
  };
}

function contentHeaders(digest: Digest): Headers {
  return { 'Docker-Content-Digest': digest, ETag: `"${digest}"` };
}

function unknownManifest(route: RouteOf<'manifest'>): Refusal {
  const reference = route.reference.slice(0, 200);
  return new Refusal(404, 'MANIFEST_UNKNOWN', `${route.repository} has no manifest ${reference}`);
}
