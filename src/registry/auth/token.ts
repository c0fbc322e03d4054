/**
 * Asking a token server for a Bearer token (Docker registry token specification and its OAuth2 form).
 *
 * No redirect is followed and the answer is limited. An identity token goes by POST; servers that do not
 * know POST are asked by GET.
 */

import { parseJsonObject } from '../../model/index.ts';
import type { Credential } from '../credentials/types.ts';
import { BodyTooLarge, discard, readBody } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';
import type { Secrets } from '../http/secrets.ts';
import { statusFailure } from '../http/status.ts';
import type { HttpResponse } from '../http/types.ts';

/** A granted token. */
export interface Token {
  readonly value: string;
  /** Milliseconds since the epoch after which it is renewed. */
  readonly renewAt: number;
  /** Milliseconds of life that it had when it came. */
  readonly lifeMs: number;
}

/** What to ask for. */
export interface TokenQuestion {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  /** A bearer credential never comes here. */
  readonly credential: Exclude<Credential, { kind: 'bearer' }> | undefined;
}

/** Sends one request to the token server. */
export type SendToTokenServer = (request: {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}) => Promise<HttpResponse>;

/** Bounds of an exchange, the time it is made at, and the secrets that grow by the token. */
export interface TokenLimits {
  readonly tokenBytes: number;
  readonly errorTextBytes: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly secrets: Secrets;
}

const clientId = 's2oci';
const defaultLife = 60;
const maxLife = 24 * 3600;

/** Asks for a token. Rejects with a RequestFailure. */
export async function requestToken(
  send: SendToTokenServer,
  question: TokenQuestion,
  limits: TokenLimits,
): Promise<Token> {
  if (question.credential?.kind === 'identity') {
    const answer = await postForm(send, question, question.credential.token);
    if (![400, 401, 404, 405].includes(answer.status)) return readToken(answer, question, limits);
    await discard(answer);
  }
  return readToken(await getToken(send, question), question, limits);
}

function getToken(send: SendToTokenServer, question: TokenQuestion): Promise<HttpResponse> {
  const { realm, service, scopes, credential } = question;
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.append('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const login = credential === undefined ? undefined : loginOf(credential);
  if (login === undefined) return send({ method: 'GET', url, headers: {} });
  if (login.username !== '') url.searchParams.append('account', login.username);
  return send({ method: 'GET', url, headers: { authorization: basicHeader(login) } });
}

function postForm(
  send: SendToTokenServer,
  question: TokenQuestion,
  refreshToken: string,
): Promise<HttpResponse> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: clientId,
    access_type: 'offline',
    scope: question.scopes.join(' '),
    ...(question.service === undefined ? {} : { service: question.service }),
  });
  return send({
    method: 'POST',
    url: question.realm,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(form.toString()),
  });
}

/** Writes a Basic authorization value. */
export function basicHeader(login: {
  readonly username: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
}

function loginOf(credential: Exclude<Credential, { kind: 'bearer' }>): {
  username: string;
  password: string;
} {
  return credential.kind === 'basic'
    ? credential
    : { username: credential.username ?? '<token>', password: credential.token };
}

async function readToken(
  answer: HttpResponse,
  question: TokenQuestion,
  limits: TokenLimits,
): Promise<Token> {
  if (answer.status !== 200) throw await refusal(answer, question.realm, limits);
  const json = parseToken(
    await readAnswer(answer, question.realm, limits.tokenBytes),
    question.realm,
  );
  const text = [json['token'], json['access_token']].find(isUsableToken);
  if (text === undefined) {
    throw new RequestFailure('protocol', 'the token server answered without a token', {
      url: question.realm,
    });
  }
  limits.secrets.add(text);
  const lifeMs = lifeOf(json['expires_in']) * 1000;
  return { value: text, lifeMs, renewAt: limits.now + lifeMs * 0.9 };
}

/** A token server that says no means a login problem, whatever status it says it with. */
async function refusal(
  answer: HttpResponse,
  url: URL,
  limits: TokenLimits,
): Promise<RequestFailure> {
  const { errorTextBytes: limit, now, secrets } = limits;
  const failure = await statusFailure(answer, { method: 'GET', url, limit, now, secrets });
  const { status } = answer;
  if (status < 400) {
    return new RequestFailure('protocol', `the token server answered ${status}`, { url });
  }
  const isFinal = status < 500 && status !== 408 && status !== 429;
  return new RequestFailure('status', `the token server answered ${failure.message}`, {
    ...failure,
    code: isFinal ? 'REGISTRY_UNAUTHORIZED' : undefined,
  });
}

async function readAnswer(answer: HttpResponse, url: URL, limit: number): Promise<Buffer> {
  try {
    return await readBody(answer.body, limit);
  } catch (cause) {
    const kind = cause instanceof BodyTooLarge ? 'protocol' : 'broken';
    const why = cause instanceof Error ? cause.message : 'its answer was cut';
    throw new RequestFailure(kind, `the token server failed: ${why}`, { url, cause });
  }
}

function parseToken(body: Buffer, realm: URL): Readonly<Record<string, unknown>> {
  try {
    return parseJsonObject(body, 'the token', 'REGISTRY_PROTOCOL');
  } catch (cause) {
    throw new RequestFailure(
      'protocol',
      'the token server answered with something else than JSON',
      {
        url: realm,
        cause,
      },
    );
  }
}

/** A token goes into a header, so it must be of visible ASCII characters. */
function isUsableToken(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,65536}$/.test(value);
}

/** Seconds of life: what the server says when that is sensible, else a minute. */
function lifeOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) return defaultLife;
  return Math.min(value, maxLife);
}
