/**
 * Undici's parser stays as V8 compiles it first. It is WebAssembly, whose one large function V8 would optimize with the first
 * answers: on another thread, but for 45 ms of processor time and 20 MB, and the end of a command waits for it.
 * Bodies pass by it, so nothing is faster afterwards.
 */

import { setFlagsFromString } from 'node:v8';

const optimizing = ['wasm-tier-up', 'wasm-dynamic-tiering'];

let isLoaded = false;

/**
 * Sends a request. Until the first answer, for which undici loads its parser, V8 is told to compile no WebAssembly twice; a
 * flag that stays changed would keep Node's own code from its cache.
 */
export async function withBaselineParser<T>(send: () => Promise<T>): Promise<T> {
  if (isLoaded) return send();
  for (const flag of optimizing) setFlagsFromString(`--no-${flag}`);
  try {
    const answer = await send();
    isLoaded = true;
    return answer;
  } finally {
    for (const flag of optimizing) setFlagsFromString(`--${flag}`);
  }
}
