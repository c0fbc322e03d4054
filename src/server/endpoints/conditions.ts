/** Conditional requests (RFC 9110, section 13); the entity tag of content is its digest in quotes. */

import type { IncomingMessage } from 'node:http';
import type { Digest } from '../../model/index.ts';
import { Refusal } from '../reply.ts';

/** Tells whether the client says that it has this content already (`If-None-Match`). */
export function isUnchanged(request: IncomingMessage, digest: Digest): boolean {
  return matches(request.headers['if-none-match'], digest);
}

/**
 * Holds a write against `If-Match` and `If-None-Match`.
 *
 * @param current what the target is now; undefined when it does not exist
 * @throws Refusal 412
 */
export function checkPreconditions(request: IncomingMessage, current: Digest | undefined): void {
  const required = request.headers['if-match'];
  const forbidden = request.headers['if-none-match'];
  const failed =
    (required !== undefined && !matches(required, current)) ||
    (forbidden !== undefined && matches(forbidden, current));
  if (failed) throw new Refusal(412, 'DENIED', `the tag points to ${current ?? 'nothing'} now`);
}

function matches(header: string | undefined, digest: Digest | undefined): boolean {
  if (header === undefined || digest === undefined) return false;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(`"${digest}"`);
}
