/**
 * Whether a registry is spoken to by HTTPS or by plain HTTP.
 *
 * Always HTTPS, except that hosts on loopback and hosts named insecure are asked first: only when they do
 * not speak TLS at all is plain HTTP used. A bad certificate never leads to plain HTTP.
 */

import type { Context } from '../context.ts';
import { isLoopbackHost } from '../http/address.ts';
import { discard } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';
import { isInsecureHost } from '../http/tls.ts';
import type { HttpResponse } from '../http/types.ts';
import { sendHop } from './send.ts';

/** What is known after the first contact. */
export interface FirstContact {
  readonly base: URL;
  /** The challenge, when the registry gave one. */
  readonly challenge: readonly string[] | undefined;
}

/**
 * Decides the base URL of a registry host, asking it where there is a choice.
 *
 * @param authority `host` or `host:port`
 */
export async function contact(
  context: Context,
  authority: string,
  signal: AbortSignal,
): Promise<FirstContact> {
  const secure = new URL(`https://${authority}`);
  const mayBePlain =
    isLoopbackHost(secure.hostname) || isInsecureHost(authority, context.settings.insecure);
  if (!mayBePlain) return { base: secure, challenge: undefined };
  try {
    return { base: secure, challenge: await ping(context, secure, signal) };
  } catch (error) {
    if (!(error instanceof RequestFailure && error.kind === 'plain')) throw error;
    const plain = new URL(`http://${authority}`);
    return { base: plain, challenge: await ping(context, plain, signal) };
  }
}

/** Asks the base endpoint (end-1) and returns its challenge. Every answer shows that someone is there. */
export async function ping(
  context: Context,
  base: URL,
  signal: AbortSignal,
  userAgent = context.settings.userAgent,
): Promise<readonly string[] | undefined> {
  const response: HttpResponse = await sendHop(
    context,
    {
      kind: 'ping',
      method: 'GET',
      url: new URL('/v2/', base),
      headers: { 'user-agent': userAgent, 'accept-encoding': 'identity' },
      reach: 'any',
    },
    signal,
  );
  const challenge = response.headers.get('www-authenticate');
  await discard(response);
  return challenge;
}
