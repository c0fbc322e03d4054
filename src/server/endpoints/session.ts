/**
 * An upload session: chunks (end-5), its end (end-6), its state (end-13) and its abandonment (end-14).
 *
 * Requests of one session run one after the other. What a broken connection delivered is kept, so that the
 * client can ask for the state and go on from there.
 */

import { algorithmOf, type DigestAlgorithm } from '../../model/index.ts';
import { announcedLength, bodyOf, type Exchange, type Handler } from '../exchange.ts';
import { parseChunkRange } from '../range.ts';
import { Refusal, type Reply } from '../reply.ts';
import { digestFrom, type RouteOf } from '../routes.ts';
import { createdBlob, sessionHeaders } from './session-reply.ts';

type SessionExchange = Exchange<RouteOf<'session'>>;

/** GET of the state of a session. */
export const getSession: Handler<'session'> = async (exchange) => {
  const { repository, id } = exchange.route;
  const offset = await requireOffset(exchange);
  return { status: 204, headers: sessionHeaders(repository, id, offset) };
};

/** PATCH that appends one chunk. */
export const patchSession: Handler<'session'> = (exchange) =>
  exclusively(exchange, async () => {
    const { repository, id } = exchange.route;
    const offset = await appendChunk(exchange);
    return { status: 202, headers: sessionHeaders(repository, id, offset) };
  });

/** PUT that ends a session, with or without a last chunk. */
export const putSession: Handler<'session'> = (exchange) =>
  exclusively(exchange, async () => {
    const { repository, id } = exchange.route;
    const digest = digestFrom(exchange.query.get('digest') ?? '');
    await appendChunk(exchange, algorithmOf(digest));
    const { uploads } = exchange.registry.storage;
    if (await uploads.finish(repository, id, digest)) return createdBlob(repository, digest);
    throw new Refusal(400, 'DIGEST_INVALID', `the uploaded content is not what ${digest} names`);
  });

/** DELETE of a session that is not wanted any more. */
export const deleteSession: Handler<'session'> = (exchange) =>
  exclusively(exchange, async () => {
    const { repository, id } = exchange.route;
    if (await exchange.registry.storage.uploads.cancel(repository, id)) return { status: 204 };
    throw unknownSession();
  });

function exclusively(exchange: SessionExchange, task: () => Promise<Reply>): Promise<Reply> {
  return exchange.registry.locks.run(`session ${exchange.route.id}`, task);
}

async function appendChunk(
  exchange: SessionExchange,
  algorithm?: DigestAlgorithm,
): Promise<number> {
  const { repository, id } = exchange.route;
  const offset = await requireOffset(exchange);
  const length = announcedLength(exchange.request);
  const range = exchange.request.headers['content-range'];
  if (range !== undefined) checkChunk(range, length, offset, exchange.route);
  if (length === 0) return offset;
  return await exchange.registry.storage.uploads.append(
    repository,
    id,
    bodyOf(exchange),
    algorithm,
  );
}

function checkChunk(
  header: string,
  length: number | undefined,
  offset: number,
  route: RouteOf<'session'>,
): void {
  const headers = sessionHeaders(route.repository, route.id, offset);
  const range = parseChunkRange(header);
  if (range === undefined) {
    throw new Refusal(400, 'BLOB_UPLOAD_INVALID', 'Content-Range is not first-last', headers);
  }
  if (range.start !== offset) {
    const message = `the next chunk begins at ${offset}, not at ${range.start}`;
    throw new Refusal(416, 'BLOB_UPLOAD_INVALID', message, headers);
  }
  if (length !== undefined && length !== range.end - range.start + 1) {
    const message = `Content-Range and Content-Length (${length}) disagree`;
    throw new Refusal(400, 'SIZE_INVALID', message, headers);
  }
}

async function requireOffset({ route, registry }: SessionExchange): Promise<number> {
  const offset = await registry.storage.uploads.offset(route.repository, route.id);
  if (offset === undefined) throw unknownSession();
  return offset;
}

function unknownSession(): Refusal {
  return new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload session');
}
