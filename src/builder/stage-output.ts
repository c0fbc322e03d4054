/**
 * Output of stages that run side by side: whole lines only, each with the name of its stage in front, so that
 * everybody can tell who said what.
 */

import type { BuildEvent, OutputEvent, Reporter } from '../events/index.ts';

type Stream = OutputEvent['stream'];

/** Passes events on; output waits for the end of its line. */
export class StageOutput implements Reporter, Disposable {
  readonly #reporter: Reporter;
  readonly #prefix: Buffer;
  readonly #pending = new Map<Stream, OutputEvent>();

  constructor(reporter: Reporter, stage: string) {
    this.#reporter = reporter;
    this.#prefix = Buffer.from(`${stage}: `);
  }

  emit(event: BuildEvent): void {
    if (event.type === 'output') this.#take(event);
    else this.#reporter.emit(event);
  }

  /** Passes on what has no end. */
  [Symbol.dispose](): void {
    for (const event of this.#pending.values()) this.#send(event, event.chunk);
    this.#pending.clear();
  }

  #take(event: OutputEvent): void {
    const before = this.#pending.get(event.stream)?.chunk ?? new Uint8Array(0);
    let rest: Uint8Array = Buffer.concat([before, event.chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      this.#send(event, rest.subarray(0, end + 1));
      rest = rest.subarray(end + 1);
    }
    if (rest.length === 0) this.#pending.delete(event.stream);
    else this.#pending.set(event.stream, { ...event, chunk: rest });
  }

  #send(event: OutputEvent, line: Uint8Array): void {
    this.#reporter.emit({ ...event, chunk: Buffer.concat([this.#prefix, line]) });
  }
}
