/**
 * One request to a registry with everything around it that is not retry: the shared gate, authorization
 * and its renewal, redirects.
 *
 * Authorization is sent to the registry's own origin only, on every hop anew; a redirect never carries it
 * elsewhere (GHSA-vh4v-2xq2-g5cg).
 */

import type { AuthorizedRequest } from '../auth/authorizer.ts';
import { parseChallenges } from '../auth/challenge.ts';
import { type Action, mergeScopes, repositoryScope } from '../auth/scope.ts';
import type { RequestKind } from '../counters.ts';
import { discard } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';
import { statusFailure } from '../http/status.ts';
import { type HttpMethod, type HttpResponse, headerOf, type StreamBody } from '../http/types.ts';
import type { RegistryHost } from './host.ts';
import { sendHop } from './send.ts';

/** One request as an endpoint describes it. */
export interface Call {
  readonly kind: RequestKind;
  readonly method: HttpMethod;
  /** A path such as `/v2/app/tags/list`, or the URL that the registry gave. */
  readonly target: string | URL;
  /** Empty for the registry itself. */
  readonly repository: string;
  /** What is to be done there; none for requests that are about no repository. */
  readonly actions: readonly Action[];
  /** Scopes besides the repository's own. */
  readonly extraScopes?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | StreamBody;
  readonly onSent?: (bytes: number) => void;
  /** Whether the request never carries authorization. */
  readonly anonymous?: boolean;
  /** `report` returns a redirect as it is. Default: follow. */
  readonly redirects?: 'follow' | 'report';
}

/** An answer and the URL that gave it. */
export interface Answer extends HttpResponse {
  readonly url: URL;
  readonly method: HttpMethod;
  /** Whether another host than the registry's gave it. */
  readonly redirected: boolean;
}

/** Sends a call; every status but a redirect and a curable refusal is an answer. Rejects with a RequestFailure. */
export async function exchange(
  host: RegistryHost,
  call: Call,
  signal: AbortSignal,
): Promise<Answer> {
  await host.gate.pass(signal);
  const base = await host.base();
  const { repository, actions } = call;
  const own = actions.length === 0 ? [] : [repositoryScope(repository, ...actions)];
  const request: AuthorizedRequest = {
    repository,
    scopes: mergeScopes(own, call.extraScopes ?? []),
    long: call.body !== undefined && call.body.length > 1024 * 1024,
    refused: new Set(),
  };
  let url = typeof call.target === 'string' ? new URL(call.target, base) : call.target;
  for (let hops = 0; ; ) {
    const mayLogIn = call.anonymous !== true && url.origin === base.origin;
    const authorization = mayLogIn ? await host.authorizer.header(request) : undefined;
    const response = await sendOnce(host, call, url, authorization, signal);
    if (mayLogIn && (await isCurable(host, response, request, authorization))) {
      await discard(response);
      continue;
    }
    const next = redirectTarget(call, response, url);
    if (next === undefined) {
      return { ...response, url, method: call.method, redirected: url.origin !== base.origin };
    }
    await discard(response);
    hops += 1;
    url = checkedHop(host, { url, next, hops });
  }
}

/** Makes the failure for an answer that an endpoint did not expect. Consumes the answer. */
export async function unexpected(host: RegistryHost, answer: Answer): Promise<RequestFailure> {
  const { context } = host;
  const { method, url, status } = answer;
  const failure = await statusFailure(answer, {
    method,
    url,
    limit: context.settings.limits.errorTextBytes,
    now: context.clock.now(),
    secrets: context.secrets,
  });
  if (status >= 400 && answer.redirected && [400, 401, 403].includes(status)) {
    // A signed URL that has expired: the registry gives a new one.
    const why = `the storage behind the registry answered ${failure.message}`;
    return new RequestFailure('broken', why, { method, url });
  }
  if (status === 401 || status === 403) return withScope(failure, answer);
  if (status >= 400) return failure;
  const message = `unexpected answer ${failure.message}`;
  return new RequestFailure('protocol', message, { method, url, status });
}

/** A refusal for lack of rights says which ones, when the registry does. */
function withScope(failure: RequestFailure, answer: Answer): RequestFailure {
  const challenges = parseChallenges(answer.headers.get('www-authenticate'));
  const scope = challenges.map(({ parameters }) => parameters.get('scope')).find(Boolean);
  if (scope === undefined) return failure;
  return new RequestFailure(failure.kind, `${failure.message}; needed: ${scope}`, failure);
}

async function sendOnce(
  host: RegistryHost,
  call: Call,
  url: URL,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { kind, method, body, onSent } = call;
  const length = body === undefined ? {} : { 'content-length': String(body.length) };
  const response = await sendHop(
    host.context,
    {
      kind,
      method,
      url,
      reach: await host.reachOf(url),
      headers: {
        ...host.commonHeaders,
        ...call.headers,
        ...length,
        ...(authorization === undefined ? {} : { authorization }),
      },
      ...(body === undefined ? {} : { body }),
      ...(onSent === undefined ? {} : { onSent }),
    },
    signal,
  );
  host.heard(response);
  return response;
}

/** Whether a refusal can be cured by (new) authorization, which is then in place. */
async function isCurable(
  host: RegistryHost,
  response: HttpResponse,
  request: AuthorizedRequest,
  authorization: string | undefined,
): Promise<boolean> {
  if (response.status !== 401 && response.status !== 403) return false;
  return host.authorizer.learn(response, request, authorization);
}

/** GET and HEAD follow every kind of redirect; a body is only sent again for 307 and 308. */
function redirectTarget(call: Call, response: HttpResponse, url: URL): URL | undefined {
  if (call.redirects === 'report') return undefined;
  const follows =
    call.method === 'GET' || call.method === 'HEAD' ? [301, 302, 303, 307, 308] : [307, 308];
  if (!follows.includes(response.status)) return undefined;
  const location = headerOf(response, 'location');
  if (location !== undefined && URL.canParse(location, url.href)) return new URL(location, url);
  throw new RequestFailure('protocol', `redirect ${response.status} without a usable Location`, {
    method: call.method,
    url,
  });
}

function checkedHop(
  host: RegistryHost,
  hop: { readonly url: URL; readonly next: URL; readonly hops: number },
): URL {
  const { url, next, hops } = hop;
  const { redirects } = host.context.settings.limits;
  if (hops > redirects) {
    throw new RequestFailure('protocol', `more than ${redirects} redirects`, { url });
  }
  if (!/^https?:$/.test(next.protocol) || next.username !== '' || next.password !== '') {
    throw new RequestFailure('refused', `redirect to an unusable URL of ${next.protocol}`, { url });
  }
  if (url.protocol === 'https:' && next.protocol === 'http:') {
    throw new RequestFailure('refused', `redirect from HTTPS to plain HTTP at ${next.host}`, {
      url,
    });
  }
  return next;
}
