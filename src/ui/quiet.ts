/** Says nothing unless the command fails; then it shows the same report as every other renderer. */

import type { BuildEvent } from '../events/index.ts';
import { failureReport } from './failure.ts';
import { painter } from './paint.ts';
import { BuildState } from './state.ts';
import type { Outcome, Renderer, RendererOptions, TextStream } from './types.ts';

/** Renders failures only. */
export class QuietRenderer implements Renderer {
  readonly #stream: TextStream;
  readonly #options: RendererOptions;
  readonly #state = new BuildState();

  constructor(stream: TextStream, options: RendererOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  emit(event: BuildEvent): void {
    this.#state.apply(event);
  }

  finish(outcome: Outcome): void {
    if (outcome.ok) return;
    this.#state.flush();
    const { color } = this.#options;
    const lines = failureReport(outcome.error, this.#state, this.#options, painter(color));
    this.#stream.write(`${lines.join('\n')}\n`);
  }

  [Symbol.dispose](): void {}
}
