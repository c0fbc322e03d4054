/**
 * What the rules of a fault server can do: well-formed answers, and every way of going wrong.
 */

import {
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action, FaultExchange, SeenRequest } from './fault-server.ts';

/** Headers and body of an answer. */
export interface Answer {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

/** Reads the whole request and answers. HEAD gets the headers of the body but no body. */
export function reply(status: number, answer: Answer = {}): Action {
  return async (exchange) => {
    await drain(exchange.request);
    await early(status, answer)(exchange);
  };
}

/** Answers by what a function makes of the request, after reading it. */
export function replyWith(
  make: (seen: SeenRequest, exchange: FaultExchange) => { readonly status: number } & Answer,
): Action {
  return async (exchange) => {
    await drain(exchange.request);
    const { status, ...answer } = make(exchange.seen, exchange);
    await early(status, answer)(exchange);
  };
}

/** Answers with JSON. */
export function replyJson(
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): Action {
  const body = JSON.stringify(value);
  return reply(status, { body, headers: { 'content-type': 'application/json', ...headers } });
}

/** Answers with a distribution error. */
export function replyError(status: number, code: string, detail?: unknown): Action {
  return replyJson(status, { errors: [{ code, message: `test ${code}`, detail }] });
}

/** Answers without reading the request. */
export function early(status: number, answer: Answer = {}): Action {
  return ({ request, response }) => {
    const body = answer.body === undefined ? Buffer.alloc(0) : Buffer.from(answer.body);
    response.writeHead(status, { 'content-length': body.length, ...answer.headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

/** Announces a body, sends only its first bytes and ends the connection, by FIN or by RST. */
export function cutAnswer(
  status: number,
  answer: Answer & { readonly at: number; readonly by?: 'fin' | 'rst' },
): Action {
  return async ({ request, response }) => {
    await drain(request);
    const body = Buffer.from(answer.body ?? '');
    response.writeHead(status, { 'content-length': body.length, ...answer.headers });
    response.flushHeaders();
    await write(response, body.subarray(0, answer.at));
    await settle();
    hangUp(request.socket, answer.by ?? 'fin');
  };
}

/** Ends the connection after so many bytes of the request's body, without an answer. */
export function cutRequest(at = 0, by: 'fin' | 'rst' = 'rst'): Action {
  return async ({ request }) => {
    const { socket } = request;
    let read = 0;
    if (at > 0) {
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        read += (chunk as Buffer).length;
        if (read >= at) break;
      }
    }
    hangUp(socket, by);
  };
}

/** Sends the beginning of an answer and then nothing any more, with the connection open. */
export function stall(status: number, answer: Answer & { readonly at: number }): Action {
  return async ({ request, response }) => {
    await drain(request);
    const body = Buffer.from(answer.body ?? '');
    response.writeHead(status, { 'content-length': body.length, ...answer.headers });
    response.flushHeaders();
    await write(response, body.subarray(0, answer.at));
  };
}

/** Never answers. With `read: false` the request is not even read. */
export function hang(options: { readonly read?: boolean } = {}): Action {
  return async ({ request }) => {
    if (options.read !== false) await drain(request);
  };
}

/** Sends an answer's body a few bytes at a time. */
export function drip(
  status: number,
  answer: Answer & { readonly bytes: number; readonly everyMs: number },
): Action {
  return async ({ request, response }) => {
    await drain(request);
    const body = Buffer.from(answer.body ?? '');
    response.writeHead(status, { 'content-length': body.length, ...answer.headers });
    for (let at = 0; at < body.length && !response.destroyed; at += answer.bytes) {
      response.write(body.subarray(at, at + answer.bytes));
      await sleep(answer.everyMs);
    }
    response.end();
  };
}

/** Writes bytes to the connection as they are and ends it: for answers that are no HTTP. */
export function raw(bytes: string | Uint8Array): Action {
  return async ({ request }) => {
    await drain(request);
    request.socket.end(bytes);
  };
}

/** What happens to a request on its way to the upstream registry and back. */
export interface ForwardOptions {
  /** Ends both connections after so many bytes of the request's body. */
  readonly cutRequestAt?: number;
  /** The upstream answers, but the answer is not passed on. */
  readonly loseAnswer?: boolean;
  /** Ends the connection after so many bytes of the answer's body. */
  readonly cutAnswerAt?: number;
  /** Changes one bit of the answer's body at this offset. */
  readonly flipAt?: number;
  /** Sends the answer's first bytes and then nothing more. */
  readonly stallAt?: number;
  readonly changeHeaders?: (headers: OutgoingHttpHeaders) => OutgoingHttpHeaders;
  /** Removes these headers from the request. */
  readonly withoutHeaders?: readonly string[];
}

/** Passes a request to the upstream registry; locations in the answer are made to point here. */
export function forward(options: ForwardOptions = {}): Action {
  return async (exchange) => {
    const { request, response, upstream, url } = exchange;
    if (upstream === undefined) throw new Error('this fault server has no upstream');
    const headers: OutgoingHttpHeaders = { ...request.headers, host: new URL(upstream).host };
    for (const name of options.withoutHeaders ?? []) delete headers[name];
    const onward = httpRequest(new URL(request.url ?? '/', upstream), {
      method: request.method,
      headers,
      agent: false,
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      onward.once('response', resolve).once('error', reject);
    });
    answered.catch(() => {});
    request.once('close', () => {
      if (!request.complete) onward.destroy();
    });
    if (!(await passRequest(request, onward, options.cutRequestAt))) return;
    const answer = await answered;
    if (options.loseAnswer === true) {
      await drain(answer);
      hangUp(request.socket, 'rst');
      return;
    }
    const back = pointingHere({ ...answer.headers }, upstream, url);
    response.writeHead(answer.statusCode ?? 502, options.changeHeaders?.(back) ?? back);
    response.flushHeaders();
    await passAnswer(answer, exchange, options);
  };
}

/** Returns whether the request went through as a whole. */
async function passRequest(
  request: IncomingMessage,
  onward: ReturnType<typeof httpRequest>,
  cutAt: number | undefined,
): Promise<boolean> {
  const { socket } = request;
  let sent = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    const chunk = piece as Buffer;
    const part = cutAt === undefined ? chunk : chunk.subarray(0, Math.max(0, cutAt - sent));
    sent += part.length;
    if (!onward.write(part)) await new Promise((resolve) => onward.once('drain', resolve));
    if (cutAt !== undefined && sent >= cutAt) break;
  }
  if (cutAt !== undefined) {
    await settle();
    onward.destroy();
    hangUp(socket, 'rst');
    return false;
  }
  onward.end();
  return true;
}

async function passAnswer(
  answer: IncomingMessage,
  exchange: FaultExchange,
  options: ForwardOptions,
): Promise<void> {
  const { request, response } = exchange;
  const limit = options.cutAnswerAt ?? options.stallAt;
  let sent = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const whole = flipped(chunk, sent, options.flipAt);
    const part = limit === undefined ? whole : whole.subarray(0, Math.max(0, limit - sent));
    await write(response, part);
    sent += chunk.length;
    if (limit !== undefined && sent >= limit) break;
  }
  if (options.stallAt !== undefined && sent >= options.stallAt) return;
  if (options.cutAnswerAt === undefined || sent < options.cutAnswerAt) {
    response.end();
    return;
  }
  await settle();
  hangUp(request.socket, 'rst');
}

function flipped(chunk: Buffer, start: number, at: number | undefined): Buffer {
  if (at === undefined || at < start || at >= start + chunk.length) return chunk;
  const copy = Buffer.from(chunk);
  copy[at - start] = (copy[at - start] ?? 0) ^ 1;
  return copy;
}

/** Makes locations, realms and links of the upstream point to this server. */
function pointingHere(
  headers: OutgoingHttpHeaders,
  upstream: string,
  url: string,
): OutgoingHttpHeaders {
  const location = headers['location'];
  if (typeof location === 'string') headers['location'] = location.replace(upstream, url);
  return headers;
}

/** Reads a body to its end or to its failure. */
async function drain(body: IncomingMessage): Promise<void> {
  try {
    for await (const _chunk of body);
  } catch {
    // The other side gave up, which tests cause on purpose.
  }
}

function hangUp(socket: Socket, by: 'fin' | 'rst'): void {
  if (by === 'rst') socket.resetAndDestroy();
  else socket.destroy();
}

async function write(stream: ServerResponse, chunk: Uint8Array): Promise<void> {
  if (chunk.length === 0 || stream.write(chunk)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once('drain', resolve).once('close', resolve);
  await promise;
  stream.off('drain', resolve).off('close', resolve);
}

/** Lets what was written leave the machine's buffers before the connection is cut. */
async function settle(): Promise<void> {
  await sleep(20);
}
