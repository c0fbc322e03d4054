/**
 * Receiving response bodies: watched for stalls, network errors turned into failures.
 */

import { markSingleReader } from '../../blob/index.ts';
import type { Context } from '../context.ts';
import { BodyTooLarge } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';
import { failureOf } from '../http/network-error.ts';
import { StallTimer } from '../http/stall.ts';
import type { Answer } from './exchange.ts';

/**
 * Yields the pieces of a body as they come. Fails with a RequestFailure, or the reason of the signal; the
 * body is destroyed when the loop over it ends early.
 */
export async function* receive(
  context: Context,
  answer: Answer,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { body, method, url, keepsNothing } = answer;
  const isChunked = answer.headers.has('transfer-encoding');
  const stall = new StallTimer(context.settings.timeouts.stall, (why) => {
    body.destroy(new RequestFailure('stalled', why, { method, url }));
  });
  try {
    stall.wait();
    for await (const chunk of body as AsyncIterable<Buffer>) {
      stall.move(chunk.length);
      if (keepsNothing === true) markSingleReader(chunk, { part: !isChunked && isAlone(chunk) });
      yield chunk;
      stall.wait();
    }
  } catch (error) {
    throw failureOf(error, { method, url, headers: {}, reach: 'any', signal });
  } finally {
    stall.stop();
  }
}

/**
 * Whether a piece of a body that is not in chunked coding, where one read brings several, shares its memory with
 * nothing but headers: small ones may lie in the pool from which Node's own streams take memory to join what waits.
 */
function isAlone({ length }: Buffer): boolean {
  return length >= Buffer.poolSize / 2;
}

/**
 * Reads a whole small body.
 *
 * @throws BodyTooLarge as soon as it is longer than `limit`; RequestFailure
 */
export async function receiveAll(
  context: Context,
  answer: Answer,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of receive(context, answer, signal)) {
    size += chunk.length;
    if (size > limit) throw new BodyTooLarge(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
