/**
 * Turns an unwelcome answer into a failure: status, the registry's error entries, a bounded piece of text.
 */

import { isDigest } from '../../model/index.ts';
import { readStart } from './body.ts';
import { type RegistryErrorEntry, RequestFailure } from './failure.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { Secrets } from './secrets.ts';
import { type HttpMethod, type HttpResponse, headerOf } from './types.ts';

const maxErrorBody = 64 * 1024;
const maxEntries = 20;

/** Describes the request that was answered. */
export interface StatusFailureInput {
  readonly method: HttpMethod;
  readonly url: URL;
  /** The most bytes of the registry's own words that are kept. */
  readonly limit: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly secrets: Secrets;
}

/** Reads and consumes an unwelcome answer. Never fails. */
export async function statusFailure(
  response: HttpResponse,
  input: StatusFailureInput,
): Promise<RequestFailure> {
  const { method, url, limit, now, secrets } = input;
  const body = await readStart(response.body, maxErrorBody);
  const errors = parseErrors(body);
  const words = secrets.scrub(wordsOf(errors, body, response)).slice(0, limit);
  const retryAfter = parseRetryAfter(headerOf(response, 'retry-after'), now);
  return new RequestFailure('status', `${response.status}${words === '' ? '' : ` ${words}`}`, {
    method,
    url,
    status: response.status,
    errors,
    retryAfter,
  });
}

/** Reads the `errors` list of a body; what is no such list gives none. */
function parseErrors(body: Buffer): readonly RegistryErrorEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return [];
  }
  const list = (json as { errors?: unknown } | null)?.errors;
  if (!Array.isArray(list)) return [];
  return list.slice(0, maxEntries).flatMap((entry) => {
    const { code, message, detail } = (entry ?? {}) as Record<string, unknown>;
    if (typeof code !== 'string') return [];
    const digest = digestIn(detail);
    return [
      {
        code,
        message: typeof message === 'string' ? message : '',
        ...(digest === undefined ? {} : { digest }),
      },
    ];
  });
}

/** Finds the digest that an error's detail is about; registries write it in several ways. */
function digestIn(detail: unknown): string | undefined {
  if (isDigest(detail)) return detail;
  if (typeof detail === 'string') return /sha(?:256|512):[0-9a-f]{64,128}/.exec(detail)?.[0];
  if (typeof detail !== 'object' || detail === null) return undefined;
  return Object.entries(detail)
    .filter(([key]) => key.toLowerCase() === 'digest')
    .map(([, value]) => value)
    .find(isDigest);
}

function wordsOf(
  errors: readonly RegistryErrorEntry[],
  body: Buffer,
  response: HttpResponse,
): string {
  if (errors.length > 0) {
    return errors
      .map(({ code, message }) => (message === '' ? code : `${code}: ${message}`))
      .join('; ');
  }
  const type = headerOf(response, 'content-type') ?? '';
  if (/html/i.test(type)) return '(an HTML page)';
  return body.toString('utf8').replace(/\s+/g, ' ').trim();
}
