/**
 * One HTTP hop as the registry client sees it: the single seam between our protocol logic and a
 * network library (registry reference 3.3).
 *
 * A transport sends exactly one request and returns exactly one response: no redirect, no retry, no
 * authentication, no decoding of content. Everything else is built on top and works with any transport.
 */

import type { Readable } from 'node:stream';
import type { Reach } from './address.ts';

/** The methods of the distribution protocol. */
export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request body that can be opened again, so that a request can be repeated. Its length is always known. */
export interface StreamBody {
  readonly length: number;
  open(signal: AbortSignal): Promise<Readable>;
}

/** One request. */
export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The bytes to send; a stream is consumed or destroyed by the transport. */
  readonly body?: Uint8Array | Readable;
  /** Which addresses may be connected to, checked after name resolution. */
  readonly reach: Reach;
  /** Ends the request, or the reading of the response body, with its reason. */
  readonly signal: AbortSignal;
}

/** One response; header names are lower-case, repeated headers keep their order. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Undecoded bytes. The receiver consumes or destroys it. */
  readonly body: Readable;
  /** Whether the transport keeps nothing of the chunks of `body`, so that their memory may be given back. */
  readonly keepsNothing?: boolean;
}

/** Sends one request over the network. Rejects with the network library's error, unchanged. */
export type Transport = (request: HttpRequest) => Promise<HttpResponse>;

/** Returns the only value of a header; undefined when it is absent or given several times differently. */
export function headerOf(response: HttpResponse, name: string): string | undefined {
  const values = response.headers.get(name);
  if (values === undefined || values.some((value) => value !== values[0])) return undefined;
  return values[0];
}

/** Returns the body length that a response declares; undefined when it declares none or no clear one. */
export function contentLength(response: HttpResponse): number | undefined {
  const text = headerOf(response, 'content-length');
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
