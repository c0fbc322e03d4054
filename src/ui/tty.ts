/**
 * The live terminal: script output and messages scroll by, below them stands the tree of phases, drawn anew
 * several times a second. Each drawing is one write, so that nothing can come between its parts.
 *
 * The cursor always rests below the tree. Automatic line wrapping is off while the tree is drawn, so a
 * misjudged character width cannot break its line count.
 */

import type { BuildEvent, LogEvent } from '../events/index.ts';
import { failureReport } from './failure.ts';
import { type Paint, painter } from './paint.ts';
import { BuildState, type OutputLines } from './state.ts';
import { summaryTable } from './summary.ts';
import { safeText } from './text.ts';
import { liveTree } from './tree.ts';
import {
  type Clock,
  type Outcome,
  type Renderer,
  type RendererOptions,
  systemClock,
  type TextStream,
} from './types.ts';
import { displayWidth, truncate } from './width.ts';

const frameInterval = 100;
/** Output that waits for the next frame, in characters; beyond it a frame is drawn at once. */
const maxPending = 64 * 1024;

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
const wrapOff = '\u001b[?7l';
const wrapOn = '\u001b[?7h';
const eraseBelow = '\u001b[J';

/** Renders events on a terminal that understands cursor movement. */
export class TtyRenderer implements Renderer {
  readonly #stream: TextStream;
  readonly #options: RendererOptions;
  readonly #paint: Paint;
  readonly #clock: Clock;
  readonly #state = new BuildState();
  readonly #stopTicking: () => void;
  #pending = '';
  #drawn: readonly string[] = [];
  #started = false;
  #finished = false;

  constructor(stream: TextStream, options: RendererOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#paint = painter(options.color);
    this.#clock = options.clock ?? systemClock;
    this.#stopTicking = this.#clock.every(frameInterval, () => this.#draw());
  }

  emit(event: BuildEvent): void {
    if (this.#finished) return;
    this.#queueOutput(this.#state.apply(event));
    if (event.type === 'log') this.#queueLog(event);
    if (this.#pending.length > maxPending) this.#draw();
  }

  finish(outcome: Outcome): void {
    if (this.#finished) return;
    this.#queueOutput(this.#state.flush());
    const ci = this.#options.ci ?? false;
    const lines = outcome.ok
      ? summaryTable(this.#state.phases, outcome.summary, this.#paint, ci)
      : failureReport(outcome.error, this.#state, this.#options, this.#paint);
    this.#end(lines.map((line) => `${line}\n`).join(''));
  }

  [Symbol.dispose](): void {
    if (!this.#finished) this.#end('');
  }

  #end(text: string): void {
    this.#finished = true;
    this.#stopTicking();
    const end = `${this.#erase()}${this.#pending}${text}${this.#started ? showCursor : ''}`;
    if (end !== '') this.#stream.write(end);
  }

  #queueOutput(output: readonly OutputLines[]): void {
    const policy = { sgr: this.#options.color, ci: this.#options.ci ?? false };
    for (const line of output.flatMap(({ lines }) => lines)) {
      this.#pending += `${safeText(line, policy)}\n`;
    }
  }

  #queueLog({ level, message }: LogEvent): void {
    if (level === 'debug' && !this.#options.verbose) return;
    const text = safeText(message, { sgr: false, ci: this.#options.ci ?? false });
    const mark = level === 'warning' ? `${this.#paint('yellow', 'warning')}: ` : '';
    this.#pending += `${mark}${level === 'debug' ? this.#paint('dim', text) : text}\n`;
  }

  #draw(): void {
    // A terminal that does not know its size says 0.
    const columns = Math.max(1, (this.#stream.columns || 80) - 1);
    const rows = Math.max(1, (this.#stream.rows || 24) - 2);
    const partial = safeText(truncate(this.#state.partialLine, columns), { sgr: false, ci: false });
    const view = { columns, rows: partial === '' ? rows : rows - 1, now: this.#clock.now() };
    const tree = liveTree(this.#state.phases, view, this.#paint);
    const live = partial === '' ? tree : [truncate(partial, columns), ...tree];
    if (live.length === 0 && this.#pending === '') return;
    const begin = this.#started ? '' : hideCursor;
    const body = live.map((line) => `${line}\n`).join('');
    this.#stream.write(`${begin}${this.#erase()}${this.#pending}${wrapOff}${body}${wrapOn}`);
    this.#started = true;
    this.#pending = '';
    this.#drawn = live;
  }

  /** Moves to where the tree began and clears it; a window made narrower has folded its lines. */
  #erase(): string {
    if (this.#drawn.length === 0) return '';
    const columns = Math.max(1, this.#stream.columns ?? 80);
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(displayWidth(line) / columns)),
      0,
    );
    this.#drawn = [];
    return `\r\u001b[${rows}A${eraseBelow}`;
  }
}
