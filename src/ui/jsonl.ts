/**
 * One JSON object per line and event, for programs. The last record says how it ended: `type` is `result`,
 * and on failure it carries `code`, `phase`, `retryable`, `exitCode`, `message` and `suggestion`.
 *
 * Output of scripts stands in `text` where the chunk is valid UTF-8, else in `base64`. No control character
 * reaches the stream and nothing in it is a command to a CI system, while any JSON parser reads the original.
 */

import type { BuildEvent, OutputEvent } from '../events/index.ts';
import type { Outcome, Renderer, RendererOptions, TextStream } from './types.ts';

const maxChunk = 64 * 1024;
const unsafe =
  /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ufeff]|#(?=#)/g;

/** Renders events as JSON lines. */
export class JsonlRenderer implements Renderer {
  readonly #stream: TextStream;
  readonly #verbose: boolean;
  #finished = false;

  constructor(stream: TextStream, options: RendererOptions) {
    this.#stream = stream;
    this.#verbose = options.verbose;
  }

  emit(event: BuildEvent): void {
    if (this.#finished) return;
    if (event.type === 'log' && event.level === 'debug' && !this.#verbose) return;
    if (event.type === 'output') this.#output(event);
    else this.#record(event);
  }

  finish(outcome: Outcome): void {
    if (this.#finished) return;
    this.#finished = true;
    if (outcome.ok) this.#record({ type: 'result', ok: true, ...outcome.summary });
    else this.#record({ type: 'result', ok: false, ...outcome.error.toJSON() });
  }

  [Symbol.dispose](): void {
    this.#finished = true;
  }

  #output({ chunk, ...event }: OutputEvent): void {
    for (let start = 0; start < chunk.length; start += maxChunk) {
      this.#record({ ...event, ...encode(chunk.subarray(start, start + maxChunk)) });
    }
  }

  #record(record: object): void {
    this.#stream.write(`${escapeUnsafe(JSON.stringify(record))}\n`);
  }
}

function encode(chunk: Uint8Array): { readonly text: string } | { readonly base64: string } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(chunk) };
  } catch {
    return { base64: Buffer.from(chunk).toString('base64') };
  }
}

/** Escapes within JSON text; all of these characters can only stand inside strings. */
function escapeUnsafe(json: string): string {
  return json.replace(
    unsafe,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
