/**
 * Plain lines for pipes and logs: one for the start and the end of each phase, script output line by line
 * behind a ` | `, progress summed up every few seconds. A line once written is never touched again.
 */

import type { BuildEvent, LogEvent, Phase, PhaseEvent, ProgressEvent } from '../events/index.ts';
import { failureReport } from './failure.ts';
import { formatBytes, formatDuration } from './format.ts';
import { type Paint, painter } from './paint.ts';
import type { GroupMarks, LineSink } from './sinks.ts';
import { BuildState, type ByteProgress, type OutputLines, sumBytes } from './state.ts';
import { summaryTable } from './summary.ts';
import { safeText, type TextPolicy } from './text.ts';
import {
  type Clock,
  type Outcome,
  type Renderer,
  type RendererOptions,
  systemClock,
} from './types.ts';

/** How often the progress of a phase gets a line, in milliseconds. */
const progressInterval = 5000;

/** Renders events as lines of text. */
export class PlainRenderer implements Renderer {
  readonly #sink: LineSink;
  readonly #options: RendererOptions;
  readonly #annotate: GroupMarks['annotate'];
  readonly #paint: Paint;
  readonly #policy: TextPolicy;
  readonly #clock: Clock;
  readonly #state = new BuildState();
  readonly #progressShown = new Map<Phase, number>();
  #finished = false;

  constructor(sink: LineSink, options: RendererOptions, annotate?: GroupMarks['annotate']) {
    this.#sink = sink;
    this.#options = options;
    this.#annotate = annotate;
    this.#paint = painter(options.color);
    this.#policy = { sgr: false, ci: options.ci ?? false };
    this.#clock = options.clock ?? systemClock;
  }

  emit(event: BuildEvent): void {
    if (this.#finished) return;
    if (event.type === 'phase' && event.state === 'started')
      this.#sink.open(event.phase, event.time);
    this.#writeOutput(this.#state.apply(event));
    if (event.type === 'phase') this.#phase(event);
    if (event.type === 'progress') this.#progress(event);
    if (event.type === 'log') this.#log(event);
  }

  finish(outcome: Outcome): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#writeOutput(this.#state.flush());
    this.#sink.end(this.#clock.now());
    if (outcome.ok) {
      const { ci } = this.#policy;
      this.#sink.write(
        summaryTable(this.#state.phases, outcome.summary, this.#paint, ci),
        undefined,
      );
      return;
    }
    const report = failureReport(outcome.error, this.#state, this.#options, this.#paint);
    const annotation = this.#annotate?.('error', safeText(outcome.error.message, this.#policy));
    this.#sink.write(annotation === undefined ? report : [...report, annotation], undefined);
  }

  [Symbol.dispose](): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#writeOutput(this.#state.flush());
    this.#sink.end(this.#clock.now());
  }

  #phase(event: PhaseEvent): void {
    const startedAt = this.#state.phase(event.phase)?.startedAt ?? event.time;
    const detail = event.detail === undefined ? '' : `: ${safeText(event.detail, this.#policy)}`;
    const line = `=> ${this.#phaseLine(event, formatDuration(event.time - startedAt))}${detail}`;
    this.#sink.write([line], event.phase);
    if (event.state !== 'started') this.#sink.close(event.phase, event.time);
  }

  #phaseLine({ phase, state }: PhaseEvent, time: string): string {
    switch (state) {
      case 'started':
        return this.#paint('bold', phase);
      case 'finished':
        return `${this.#paint('green', `${phase} done`)} in ${time}`;
      case 'failed':
        return `${this.#paint('red', `${phase} failed`)} after ${time}`;
      case 'skipped':
        return this.#paint('dim', `${phase} skipped`);
    }
  }

  #progress({ phase, time }: ProgressEvent): void {
    const state = this.#state.phase(phase);
    const sum = state === undefined ? undefined : sumBytes(state);
    const shown = this.#progressShown.get(phase) ?? state?.startedAt ?? time;
    if (sum === undefined || time - shown < progressInterval) return;
    this.#progressShown.set(phase, time);
    this.#sink.write([`   ${phase} ${describeProgress(sum)}`], phase);
  }

  #log({ level, message, phase }: LogEvent): void {
    if (level === 'debug' && !this.#options.verbose) return;
    const safe = safeText(message, this.#policy);
    this.#sink.write([this.#logLine(level, safe)], phase);
    const annotation = level === 'warning' ? this.#annotate?.('warning', safe) : undefined;
    if (annotation !== undefined) this.#sink.write([annotation], phase);
  }

  #logLine(level: LogEvent['level'], message: string): string {
    if (level === 'warning') return `${this.#paint('yellow', 'warning')}: ${message}`;
    return level === 'debug' ? this.#paint('dim', `   ${message}`) : `   ${message}`;
  }

  #writeOutput(output: readonly OutputLines[]): void {
    for (const { lines, phase } of output) {
      this.#sink.write(
        lines.map((line) => ` | ${safeText(line, this.#policy)}`),
        phase,
      );
    }
  }
}

/** Says how far a phase is, such as `12.5 MB of 45.0 MB, 3 of 6 done`. */
export function describeProgress(sum: ByteProgress): string {
  const total = sum.total === undefined ? '' : ` of ${formatBytes(sum.total)}`;
  const items = sum.items === 1 ? '' : `, ${sum.done} of ${sum.items} done`;
  return `${formatBytes(sum.current)}${total}${items}`;
}
