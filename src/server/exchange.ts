/** What an endpoint is given: the request, and the registry that it concerns. */

import type { IncomingMessage } from 'node:http';
import type { KeyedLock } from './keyed-lock.ts';
import type { RegistryLimits } from './limits.ts';
import { Refusal, type Reply } from './reply.ts';
import type { Route, RouteOf } from './routes.ts';
import type { Traffic } from './stats.ts';
import type { Storage } from './storage/index.ts';

/** The parts of a running registry that endpoints work with. */
export interface RegistryState {
  readonly storage: Storage;
  readonly limits: RegistryLimits;
  readonly traffic: Traffic;
  /** Serialises what concerns one upload session or the tags of one repository. */
  readonly locks: KeyedLock;
}

/** One request on its way through an endpoint. */
export interface Exchange<R extends Route> {
  readonly route: R;
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  readonly registry: RegistryState;
}

/** Answers one method of one endpoint. */
export type Handler<E extends Route['endpoint']> = (
  exchange: Exchange<RouteOf<E>>,
) => Promise<Reply>;

/** Reads the `Content-Length` of a request; undefined when its length is not announced. */
export function announcedLength(request: IncomingMessage): number | undefined {
  const header = request.headers['content-length'];
  return header === undefined ? undefined : Number(header);
}

/** The body of a request, counted while it is read. */
export async function* bodyOf(exchange: Exchange<Route>): AsyncGenerator<Buffer> {
  // Destroying a request would cut the connection before a refusal could be sent.
  for await (const chunk of exchange.request.iterator({ destroyOnReturn: false })) {
    exchange.registry.traffic.received += (chunk as Buffer).length;
    yield chunk as Buffer;
  }
}

/**
 * Reads a small body into memory.
 *
 * @throws Refusal 413 as soon as it is known to be longer than `limit` bytes
 */
export async function readBody(exchange: Exchange<Route>, limit: number): Promise<Buffer> {
  const tooLarge = () => new Refusal(413, 'SIZE_INVALID', `the body exceeds ${limit} bytes`);
  if ((announcedLength(exchange.request) ?? 0) > limit) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bodyOf(exchange)) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}
