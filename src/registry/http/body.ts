/**
 * Reading response bodies with a limit, and getting rid of those that nobody wants.
 */

import type { Readable } from 'node:stream';
import type { HttpResponse } from './types.ts';

/** A body that is larger than what we are ready to hold. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge';
  readonly limit: number;

  constructor(limit: number) {
    super(`the body is larger than ${limit} bytes`);
    this.limit = limit;
  }
}

/**
 * Reads a whole body of at most `limit` bytes; one that is longer is destroyed at byte `limit + 1`.
 *
 * @throws BodyTooLarge, and the stream's own error
 */
export async function readBody(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new BodyTooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** How long the rest of an answer that is of little interest is waited for, in milliseconds. */
const patience = 2000;

/**
 * Reads the beginning of a body and drops the rest; never fails and never takes long. Short bodies are
 * read to their end, so that the connection can be used again.
 */
export async function readStart(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(() => body.destroy(), patience);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= limit) break;
    }
  } catch {
    // The start is all that is wanted; what cut the rest is of no interest.
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return Buffer.concat(chunks).subarray(0, limit);
}

/** Drops a body: reads a little so that the connection can be used again, else closes it. Never fails. */
export async function discard(response: HttpResponse): Promise<void> {
  await readStart(response.body, 64 * 1024);
}
