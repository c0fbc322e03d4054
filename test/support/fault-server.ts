/**
 * A scripted HTTP server with states, for tests of everything that can go wrong between a registry and
 * its client.
 *
 * A script is a list of rules. For each request the first rule that matches, is still due and fits the
 * state of the server acts; a rule may move the server to another state. What no rule takes goes to the
 * upstream registry when there is one, else it is answered by 404 and counted as unexpected. What rules do
 * stands in fault-actions.ts.
 */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { RequestKind } from '../../src/registry/index.ts';
import type { CertificateFiles } from './certificate.ts';
import { forward, reply } from './fault-actions.ts';
import { requestKind } from './request-kind.ts';

/** A request as it came. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query, or an absolute URL when the server is used as a proxy. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly kind: RequestKind | undefined;
  /** Bytes of the body that have been read so far. */
  received: number;
  /** The body as far as it was read. */
  readonly body: () => Buffer;
  /** What it was answered with, once it was. */
  status: number | undefined;
}

/** One request under way, in the hands of an action. */
export interface FaultExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly seen: SeenRequest;
  /** The base URL of the registry behind this server. */
  readonly upstream: string | undefined;
  /** This server's own base URL. */
  readonly url: string;
}

/** What a rule does with a request. */
export type Action = (exchange: FaultExchange) => void | Promise<void>;

/** When a rule applies and what it does. */
export interface Rule {
  readonly method?: string;
  readonly path?: string | RegExp;
  readonly kind?: RequestKind;
  /** Any other condition. */
  readonly when?: (seen: SeenRequest) => boolean;
  /** How often it acts; default: once. */
  readonly times?: number;
  /** How many matching requests pass by before it acts; default: none. */
  readonly after?: number;
  /** The state in which it applies; default: any. */
  readonly state?: string;
  /** The state after it has acted. */
  readonly next?: string;
  readonly act: Action;
}

/** How to start a server. */
export interface FaultServerOptions {
  readonly rules?: readonly Rule[];
  /** The base URL of a registry that answers what no rule takes. */
  readonly upstream?: string;
  readonly tls?: CertificateFiles & { readonly clientCa?: string };
  readonly maxHeaderSize?: number;
}

/** A running server. */
export interface FaultServer extends AsyncDisposable {
  readonly host: string;
  readonly url: string;
  /** All requests, in the order in which they came. */
  readonly requests: readonly SeenRequest[];
  /** Requests that neither a rule nor an upstream took. */
  readonly unexpected: readonly SeenRequest[];
  state: string;
  /** Puts rules in front of those that are there. */
  script(...rules: readonly Rule[]): void;
  /** Removes all rules and forgets all requests. */
  reset(): void;
  /** Lists the kinds of the requests, such as `blob-get`; others as `METHOD path`. */
  kinds(): readonly string[];
  close(): Promise<void>;
}

interface ActiveRule {
  readonly rule: Rule;
  left: number;
  skip: number;
}

/** Starts a server on a free loopback port. */
export async function startFaultServer(options: FaultServerOptions = {}): Promise<FaultServer> {
  const requests: SeenRequest[] = [];
  const unexpected: SeenRequest[] = [];
  let rules = (options.rules ?? []).map(activate);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const seen = observe(request, response);
    requests.push(seen);
    const rule = choose(rules, seen, running.state);
    if (rule === undefined && options.upstream === undefined) unexpected.push(seen);
    const act = rule?.act ?? (options.upstream === undefined ? reply(404) : forward());
    if (rule?.next !== undefined) running.state = rule.next;
    const exchange = { request, response, seen, upstream: options.upstream, url: running.url };
    const { socket } = request;
    Promise.resolve(act(exchange)).catch(() => socket.destroy());
  };
  const server = await makeServer(options, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const running: FaultServer = {
    host,
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}`,
    requests,
    unexpected,
    state: 'start',
    script: (...more) => {
      rules = [...more.map(activate), ...rules];
    },
    reset: () => {
      rules = [];
      requests.length = 0;
      unexpected.length = 0;
    },
    kinds: () => requests.map(({ kind, method, path }) => kind ?? `${method} ${path}`),
    close,
    [Symbol.asyncDispose]: close,
  };
  return running;
}

async function makeServer(
  options: FaultServerOptions,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const common = { keepAliveTimeout: 60_000, maxHeaderSize: options.maxHeaderSize ?? 65_536 };
  if (options.tls === undefined) return createServer(common, listener);
  const { certFile, keyFile, clientCa } = options.tls;
  const client =
    clientCa === undefined
      ? {}
      : { ca: await readFile(clientCa), requestCert: true, rejectUnauthorized: true };
  return createTlsServer(
    { ...common, ...client, cert: await readFile(certFile), key: await readFile(keyFile) },
    listener,
  );
}

function activate(rule: Rule): ActiveRule {
  return { rule, left: rule.times ?? 1, skip: rule.after ?? 0 };
}

function choose(rules: readonly ActiveRule[], seen: SeenRequest, state: string): Rule | undefined {
  for (const active of rules) {
    if (active.left <= 0 || !matches(active.rule, seen, state)) continue;
    if (active.skip > 0) {
      active.skip -= 1;
      continue;
    }
    active.left -= 1;
    return active.rule;
  }
  return undefined;
}

function matches(rule: Rule, seen: SeenRequest, state: string): boolean {
  const { method, path, kind, when } = rule;
  if (rule.state !== undefined && rule.state !== state) return false;
  if (method !== undefined && method !== seen.method) return false;
  if (kind !== undefined && kind !== seen.kind) return false;
  if (typeof path === 'string' && path !== seen.path && path !== seen.path.split('?')[0]) {
    return false;
  }
  if (path instanceof RegExp && !path.test(seen.path)) return false;
  return when?.(seen) ?? true;
}

/** Records a request; its body is counted as actions read it. */
function observe(request: IncomingMessage, response: ServerResponse): SeenRequest {
  const method = request.method ?? '';
  const path = request.url ?? '';
  const chunks: Buffer[] = [];
  const seen: SeenRequest = {
    method,
    path,
    headers: request.headers,
    kind: requestKind(method, path),
    received: 0,
    body: () => Buffer.concat(chunks),
    status: undefined,
  };
  const push = request.push.bind(request);
  request.push = (chunk: Buffer | null, encoding?: BufferEncoding): boolean => {
    if (chunk !== null) {
      seen.received += chunk.length;
      if (seen.received <= maxKept) chunks.push(chunk);
    }
    return push(chunk, encoding);
  };
  response.once('close', () => {
    if (response.headersSent) seen.status = response.statusCode;
  });
  request.on('error', () => {});
  response.on('error', () => {});
  return seen;
}

/** Bodies beyond this are counted but not kept. */
const maxKept = 32 * 1024 * 1024;
