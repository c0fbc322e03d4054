/**
 * Downloads one file, such as a script, over http. The transport is a port of one hop: redirects,
 * their rules, limits and the digest are decided here. Names that a server suggests for the file are ignored.
 */

import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BuildError } from '../errors/index.ts';
import { algorithmOf, type Digest, finishDigest } from '../model/index.ts';

/** How far a request may go: `public` keeps away from this machine, private networks and cloud metadata. */
export type HttpReach = 'any' | 'public';

/** Sends one GET request, following no redirect and decoding nothing; the registry client's transport is one. */
export type HttpGet = (request: {
  readonly method: 'GET';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly reach: HttpReach;
  readonly signal: AbortSignal;
}) => Promise<HttpAnswer>;

/** An answer; header names are lower-case. Its body is to be consumed or destroyed. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Readable;
}

/** What to download. */
export interface Download {
  readonly url: string;
  readonly digest?: Digest;
  readonly maxBytes: number;
  readonly reach: HttpReach;
}

const maxRedirects = 5;

/**
 * Downloads a file into memory; undefined when the server does not have it (404, 410).
 *
 * A redirect never leads from https to http or to another protocol, and credentials of the address stay with its host.
 *
 * @throws BuildError `SOURCE_FETCH_FAILED`, `LIMIT_EXCEEDED`, `DIGEST_MISMATCH`
 */
export async function downloadFile(
  http: HttpGet,
  download: Download,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const found = await request(http, download, signal);
  if (found === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of checked(found, download)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A file that was downloaded. */
export interface DownloadedFile {
  readonly size: number;
  /** Milliseconds since the epoch, where the server says when the file was changed. */
  readonly modified?: number;
}

/**
 * Downloads a file to a path where nothing is; undefined when the server does not have it. What is there after a failure
 * is not the file.
 *
 * @throws as {@link downloadFile}
 */
export async function downloadToFile(
  http: HttpGet,
  download: Download & { readonly path: string },
  signal: AbortSignal,
): Promise<DownloadedFile | undefined> {
  const found = await request(http, download, signal);
  if (found === undefined) return undefined;
  const file = createWriteStream(download.path, { flags: 'wx', mode: 0o600 });
  await pipeline(checked(found, download), file, { signal });
  const modified = Date.parse(found.answer.headers.get('last-modified')?.[0] ?? '');
  return { size: file.bytesWritten, ...(Number.isNaN(modified) ? {} : { modified }) };
}

/** A positive answer, and the address that gave it. */
interface Found {
  readonly answer: HttpAnswer;
  readonly url: URL;
}

async function request(
  http: HttpGet,
  download: Download,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const { url: start, authorization } = split(download.url);
  let url = start;
  for (let hops = 0; ; hops += 1) {
    const headers = url.origin === start.origin ? authorization : {};
    const answer = await send(http, { url, headers, reach: download.reach, signal });
    if (answer.status === 200 || answer.status === 201) return { answer, url };
    // An unread body that is destroyed may report its own end as an error.
    answer.body.on('error', () => {}).destroy();
    if (answer.status === 404 || answer.status === 410) return undefined;
    if (![301, 302, 303, 307, 308].includes(answer.status)) throw unexpected(url, answer.status);
    if (hops >= maxRedirects) throw failure(url, `it redirects more than ${maxRedirects} times`);
    url = redirected(url, answer.headers.get('location')?.[0]);
  }
}

function redirected(from: URL, location: string | undefined): URL {
  const to = location === undefined ? null : URL.parse(location, from.href);
  if (to === null) throw failure(from, 'it redirects to nowhere');
  const acceptable =
    to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');
  if (!acceptable) throw failure(from, `it redirects to a ${to.protocol} address`);
  to.username = '';
  to.password = '';
  return to;
}

async function send(
  http: HttpGet,
  request: Omit<Parameters<HttpGet>[0], 'method'>,
): Promise<HttpAnswer> {
  try {
    return await http({ method: 'GET', ...request });
  } catch (error) {
    request.signal.throwIfAborted();
    throw failure(request.url, (error as Error).message, error);
  }
}

/** Takes the credentials out of an address. */
function split(text: string): { url: URL; authorization: Readonly<Record<string, string>> } {
  const url = new URL(text);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  if (user === '' && password === '') return { url, authorization: {} };
  const basic = Buffer.from(`${user}:${password}`, 'utf8').toString('base64');
  return { url, authorization: { authorization: `Basic ${basic}` } };
}

/** Passes the content on and holds it against limit and digest; the last error may come after the last byte. */
async function* checked({ answer, url }: Found, download: Download): AsyncGenerator<Buffer> {
  const { digest, maxBytes } = download;
  const hash = digest === undefined ? undefined : createHash(algorithmOf(digest));
  let length = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes)
      throw new BuildError('LIMIT_EXCEEDED', `${url.href} is larger than ${maxBytes} bytes`, {
        origin: 'source',
      });
    hash?.update(chunk);
    yield chunk;
  }
  if (hash === undefined || finishDigest(hash, algorithmOf(digest as Digest)) === digest) return;
  throw new BuildError('DIGEST_MISMATCH', `${url.href} does not have the digest ${digest}`, {
    origin: 'source',
    suggestion: 'the file was changed: look at it, and write its new digest if it is right',
  });
}

function unexpected(url: URL, status: number): BuildError {
  return new BuildError(
    'SOURCE_FETCH_FAILED',
    `cannot download ${url.href}: the server answered ${status}`,
    {
      origin: 'source',
      retryable: status === 429 || status >= 500,
      details: { status },
    },
  );
}

function failure(url: URL, why: string, cause?: unknown): BuildError {
  return new BuildError('SOURCE_FETCH_FAILED', `cannot download ${url.href}: ${why}`, {
    origin: 'source',
    cause,
  });
}
