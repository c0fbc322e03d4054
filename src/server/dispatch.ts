/**
 * From a request to its reply: route, method, handler, and the translation of everything that can go wrong
 * into an answer. Nothing that a client sends makes this module throw.
 */

import type { IncomingMessage } from 'node:http';
import type { Gatekeeper } from './auth/index.ts';
import { deleteBlob, getBlob, headBlob } from './endpoints/blobs.ts';
import { deleteManifest, getManifest, putManifest } from './endpoints/manifests.ts';
import { getReferrers } from './endpoints/referrers.ts';
import { deleteSession, getSession, patchSession, putSession } from './endpoints/session.ts';
import { getTags } from './endpoints/tags.ts';
import { postUploads } from './endpoints/uploads.ts';
import type { Handler, RegistryState } from './exchange.ts';
import { jsonReply, Refusal, type Reply } from './reply.ts';
import { parseRoute, type Route } from './routes.ts';
import { hasCode } from './storage/index.ts';

type Methods<E extends Route['endpoint']> = Readonly<Record<string, Handler<E>>>;

const getBase: Handler<'base'> = async () => jsonReply({});

const endpoints: { readonly [E in Route['endpoint']]: Methods<E> } = {
  base: { GET: getBase, HEAD: getBase },
  blob: { GET: getBlob, HEAD: headBlob, DELETE: deleteBlob },
  uploads: { POST: postUploads },
  session: { GET: getSession, PATCH: patchSession, PUT: putSession, DELETE: deleteSession },
  manifest: { GET: getManifest, HEAD: getManifest, PUT: putManifest, DELETE: deleteManifest },
  tags: { GET: getTags },
  referrers: { GET: getReferrers },
};

/** An answer, and the error behind it when that is not the client's doing. */
export interface Outcome {
  readonly reply: Reply;
  readonly failure?: unknown;
}

/** What dispatching depends on. */
export interface DispatchDependencies {
  readonly registry: RegistryState;
  readonly readOnly: boolean;
  /** Who may come in; everybody when absent. */
  readonly gatekeeper?: Gatekeeper | undefined;
}

/** Answers a request; never rejects. */
export async function dispatch(
  deps: DispatchDependencies,
  request: IncomingMessage,
): Promise<Outcome> {
  try {
    return { reply: await handle(deps, request) };
  } catch (error) {
    if (error instanceof Refusal) return { reply: error.reply };
    return { reply: failureReply(error), failure: error };
  }
}

async function handle(deps: DispatchDependencies, request: IncomingMessage): Promise<Reply> {
  const { registry, gatekeeper } = deps;
  if (gatekeeper?.admits(request.headers.authorization) === false) throw unauthorized();
  const { path, query } = splitTarget(request.url ?? '');
  const method = request.method ?? '';
  const route = parseRoute(path);
  registry.traffic.count(method, route.endpoint);
  const methods = endpoints[route.endpoint] as Methods<Route['endpoint']>;
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (handler === undefined)
    throw notAllowed(Object.keys(methods), `${method} is not possible here`);
  if (deps.readOnly && method !== 'GET' && method !== 'HEAD') {
    throw notAllowed(['GET', 'HEAD'], 'this registry is read-only');
  }
  return await handler({ route, request, query, registry } as never);
}

function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  return { path, query: new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1)) };
}

function unauthorized(): Refusal {
  return new Refusal(401, 'UNAUTHORIZED', 'a user name and password are needed', {
    'WWW-Authenticate': 'Basic realm="s2oci registry", charset="UTF-8"',
  });
}

function notAllowed(methods: readonly string[], message: string): Refusal {
  return new Refusal(405, 'UNSUPPORTED', message, { Allow: methods.join(', ') });
}

function failureReply(error: unknown): Reply {
  const full = hasCode(error, 'ENOSPC') || hasCode(error, 'EDQUOT');
  return full
    ? new Refusal(507, 'UNKNOWN', 'the registry has no space left').reply
    : new Refusal(500, 'UNKNOWN', 'the registry failed; its own log says why').reply;
}
