/** Tells a server how a build ended (`--callback-url`); a build never fails for want of a listener. */

import { setTimeout as sleep } from 'node:timers/promises';
import { redact } from '../errors/index.ts';
import type { Transport } from '../registry/index.ts';
import { type CallbackOutcome, callbackBody } from '../s2i/index.ts';

const tries = 3;
const waitMs = 1000;
const limitMs = 10_000;

/**
 * Posts the outcome; every try sends the whole body. Any answer of the server counts as received.
 *
 * @returns why nobody was told, for the user; undefined when it was received
 */
export async function sendCallback(
  send: Transport,
  address: string,
  outcome: CallbackOutcome,
): Promise<string | undefined> {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol))
    return `--callback-url is no http address: ${redact(address)}`;
  let problem = '';
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const signal = AbortSignal.timeout(limitMs);
    try {
      const { body } = await send({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(callbackBody(outcome)),
        reach: 'any',
        signal,
      });
      body.on('error', () => {}).destroy();
      return undefined;
    } catch (error) {
      problem = (error as Error).message;
      // It is there and has heard; it only does not answer.
      if (signal.aborted) return `--callback-url did not answer within ${limitMs / 1000} seconds`;
      if (attempt < tries) await sleep(waitMs);
    }
  }
  return `--callback-url could not be told in ${tries} tries: ${problem}`;
}
