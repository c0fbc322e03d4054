/**
 * Where the lines of a plain renderer go: straight to the stream, or into the foldable groups of a CI
 * system's log. Groups cannot nest or interleave, so lines of a phase that runs beside an open group wait
 * for it to end.
 */

import type { Phase } from '../events/index.ts';
import type { TextStream } from './types.ts';

/** Takes finished lines in order; they are safe to write. */
export interface LineSink {
  /** A phase begins at a time in milliseconds; its lines follow. */
  open(phase: Phase, time: number): void;
  /** Lines of a phase, or of the whole command. */
  write(lines: readonly string[], phase: Phase | undefined): void;
  /** No more lines of the phase will follow. */
  close(phase: Phase, time: number): void;
  /** Ends every group; what is written afterwards stands in the open. */
  end(time: number): void;
}

/** The marks with which a CI system folds its log, and how it is shown a warning or an error. */
export interface GroupMarks {
  readonly open: (phase: Phase, time: number) => string;
  readonly close: (phase: Phase, time: number) => string;
  /** What shows a message outside the log as well; undefined where there is no such thing. */
  readonly annotate?: (level: 'warning' | 'error', message: string) => string;
}

/** Lines that a phase may have waiting; older ones are dropped beyond it. */
const maxWaiting = 5000;

/** Writes lines as they come. */
export class DirectSink implements LineSink {
  readonly #stream: TextStream;

  constructor(stream: TextStream) {
    this.#stream = stream;
  }

  open(): void {}

  write(lines: readonly string[]): void {
    if (lines.length > 0) this.#stream.write(`${lines.join('\n')}\n`);
  }

  close(): void {}

  end(): void {}
}

/** A phase that is told of while another one's group is open. */
interface Waiting {
  readonly phase: Phase;
  readonly openedAt: number;
  closedAt: number | undefined;
  readonly lines: string[];
  dropped: number;
}

/** Writes the lines of each phase between the marks of a group. */
export class GroupSink implements LineSink {
  readonly #out: DirectSink;
  readonly #marks: GroupMarks;
  readonly #waiting: Waiting[] = [];
  #current: Phase | undefined;

  constructor(stream: TextStream, marks: GroupMarks) {
    this.#out = new DirectSink(stream);
    this.#marks = marks;
  }

  open(phase: Phase, time: number): void {
    if (this.#current === phase || this.#waiting.some((one) => one.phase === phase)) return;
    this.#waiting.push({ phase, openedAt: time, closedAt: undefined, lines: [], dropped: 0 });
    this.#advance();
  }

  write(lines: readonly string[], phase: Phase | undefined): void {
    const waiting = this.#waiting.find((one) => one.phase === phase);
    if (waiting === undefined) {
      this.#out.write(lines);
      return;
    }
    waiting.lines.push(...lines);
    const excess = Math.max(0, waiting.lines.length - maxWaiting);
    waiting.lines.splice(0, excess);
    waiting.dropped += excess;
  }

  close(phase: Phase, time: number): void {
    const waiting = this.#waiting.find((one) => one.phase === phase);
    if (waiting !== undefined) waiting.closedAt = time;
    if (this.#current === phase) this.#closeCurrent(time);
    this.#advance();
  }

  end(time: number): void {
    this.#closeCurrent(time);
    for (const waiting of this.#waiting) waiting.closedAt ??= time;
    this.#advance();
  }

  /** Gives the group to the phases that wait, until one of them is still running. */
  #advance(): void {
    while (this.#current === undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#current = next.phase;
      const dropped = next.dropped === 0 ? [] : [`   ${next.dropped} lines left out`];
      this.#out.write([this.#marks.open(next.phase, next.openedAt), ...dropped, ...next.lines]);
      if (next.closedAt !== undefined) this.#closeCurrent(next.closedAt);
    }
  }

  #closeCurrent(time: number): void {
    if (this.#current === undefined) return;
    this.#out.write([this.#marks.close(this.#current, time)]);
    this.#current = undefined;
  }
}

/** GitHub Actions: groups and annotations by workflow commands. */
export const githubMarks: GroupMarks = {
  open: (phase) => `::group::${phase}`,
  close: () => '::endgroup::',
  annotate: (level, message) => `::${level} title=s2oci::${escapeCommandData(message)}`,
};

/** GitLab CI: collapsible sections; the times are seconds. */
export const gitlabMarks: GroupMarks = {
  open: (phase, time) =>
    `\u001b[0Ksection_start:${Math.floor(time / 1000)}:s2oci_${phase}[collapsed=false]\r\u001b[0K${phase}`,
  close: (phase, time) =>
    `\u001b[0Ksection_end:${Math.floor(time / 1000)}:s2oci_${phase}\r\u001b[0K`,
};

function escapeCommandData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
