/** The start of an upload: a session (end-4a), a whole blob at once (end-4b) or a mount (end-11). */

import { algorithmOf, type DigestAlgorithm, isRepository } from '../../model/index.ts';
import { bodyOf, type Exchange, type Handler } from '../exchange.ts';
import { Refusal, type Reply } from '../reply.ts';
import { digestFrom, type RouteOf } from '../routes.ts';
import { createdBlob, sessionHeaders } from './session-reply.ts';

type UploadsExchange = Exchange<RouteOf<'uploads'>>;

/** POST that begins an upload. */
export const postUploads: Handler<'uploads'> = async (exchange) => {
  const { query } = exchange;
  const digest = query.get('digest');
  if (digest !== null) return await uploadWhole(exchange, digest);
  return (await mount(exchange)) ?? (await openSession(exchange));
};

async function mount({ query, route, registry }: UploadsExchange): Promise<Reply | undefined> {
  const wanted = query.get('mount');
  if (wanted === null) return undefined;
  const digest = digestFrom(wanted);
  const from = query.get('from');
  if (from !== null && !isRepository(from)) return undefined;
  const { blobs } = registry.storage;
  const mounted = await blobs.mount(route.repository, digest, from ?? undefined);
  return mounted ? createdBlob(route.repository, digest) : undefined;
}

async function openSession({ query, route, registry }: UploadsExchange): Promise<Reply> {
  const algorithm = algorithmFrom(query.get('digest-algorithm') ?? 'sha256');
  const id = await registry.storage.uploads.create(route.repository, algorithm);
  return { status: 202, headers: sessionHeaders(route.repository, id, 0) };
}

async function uploadWhole(exchange: UploadsExchange, wanted: string): Promise<Reply> {
  const { route, registry } = exchange;
  const digest = digestFrom(wanted);
  const { uploads } = registry.storage;
  const id = await uploads.create(route.repository, algorithmOf(digest));
  try {
    await uploads.append(route.repository, id, bodyOf(exchange));
    if (await uploads.finish(route.repository, id, digest)) {
      return createdBlob(route.repository, digest);
    }
  } catch (error) {
    // Nobody else knows this session, so nothing could resume it.
    await uploads.cancel(route.repository, id);
    throw error;
  }
  throw new Refusal(400, 'DIGEST_INVALID', `the content is not what ${digest} names`);
}

function algorithmFrom(text: string): DigestAlgorithm {
  if (text === 'sha256' || text === 'sha512') return text;
  throw new Refusal(400, 'DIGEST_INVALID', `unknown digest algorithm: ${text.slice(0, 100)}`);
}
