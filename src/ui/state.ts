/**
 * The picture of a build that its events add up to. All renderers draw from it, so that phases, times and
 * sums are counted in one place. It keeps the last lines of output of each phase for the failure report.
 */

import type { BuildEvent, OutputEvent, Phase, PhaseEvent, ProgressEvent } from '../events/index.ts';
import { LineSplitter } from './lines.ts';

/** How many lines of a failing script are shown again at the end. */
export const tailLines = 50;

/** The longest line of the tail, in characters. */
const tailLineLength = 2000;

/** One named piece of work inside a phase. */
export interface ItemState {
  readonly label: string;
  readonly current: number;
  readonly total: number | undefined;
  readonly unit: 'bytes' | 'items';
  readonly startedAt: number;
}

/** One phase as far as events told. */
export interface PhaseState {
  readonly phase: Phase;
  state: 'running' | 'finished' | 'failed' | 'skipped';
  readonly startedAt: number;
  endedAt: number | undefined;
  detail: string | undefined;
  readonly items: Map<string, ItemState>;
  /** The last lines of output, oldest first. */
  readonly tail: string[];
}

/** Lines of output that are complete. */
export interface OutputLines {
  readonly phase: Phase;
  readonly stream: 'stdout' | 'stderr';
  readonly lines: readonly string[];
}

/** Adds up events. */
export class BuildState {
  readonly #phases = new Map<Phase, PhaseState>();
  readonly #splitters = new Map<string, { splitter: LineSplitter; output: OutputEvent }>();

  /** The phases that were heard of, in the order in which they began. */
  get phases(): readonly PhaseState[] {
    return [...this.#phases.values()];
  }

  /** Looks one phase up. */
  phase(name: Phase): PhaseState | undefined {
    return this.#phases.get(name);
  }

  /** The unfinished output line of a phase that runs, the last one that was written to. */
  get partialLine(): string {
    const partials = [...this.#splitters.values()].map(({ splitter }) => splitter.partial);
    return partials.findLast((partial) => partial !== '') ?? '';
  }

  /** Takes an event; returns the lines of output that it completed, if any. */
  apply(event: BuildEvent): readonly OutputLines[] {
    switch (event.type) {
      case 'phase':
        return this.#applyPhase(event);
      case 'progress':
        this.#applyProgress(event);
        return [];
      case 'output':
        return [this.#applyOutput(event)];
      case 'log':
        return [];
    }
  }

  /** Ends all output; returns the lines that had no line end. */
  flush(): readonly OutputLines[] {
    return this.phases.flatMap(({ phase }) => this.#endOutput(phase));
  }

  #applyPhase(event: PhaseEvent): readonly OutputLines[] {
    const phase = this.#ensure(event.phase, event.time);
    const running = event.state === 'started';
    phase.state = running ? 'running' : event.state;
    phase.endedAt = running ? undefined : event.time;
    if (event.detail !== undefined) phase.detail = event.detail;
    return running ? [] : this.#endOutput(event.phase);
  }

  #applyProgress(event: ProgressEvent): void {
    const { items } = this.#ensure(event.phase, event.time);
    const { label, current, total, unit } = event;
    const startedAt = items.get(event.id)?.startedAt ?? event.time;
    items.set(event.id, { label, current, total, unit, startedAt });
  }

  #applyOutput(event: OutputEvent): OutputLines {
    const key = `${event.phase} ${event.stream}`;
    const known = this.#splitters.get(key) ?? { splitter: new LineSplitter(), output: event };
    this.#splitters.delete(key);
    this.#splitters.set(key, known);
    return this.#record(event, known.splitter.push(event.chunk));
  }

  #endOutput(name: Phase): readonly OutputLines[] {
    const ended: OutputLines[] = [];
    for (const [key, { splitter, output }] of this.#splitters) {
      if (output.phase !== name) continue;
      this.#splitters.delete(key);
      ended.push(this.#record(output, splitter.end()));
    }
    return ended.filter(({ lines }) => lines.length > 0);
  }

  #record(event: OutputEvent, lines: readonly string[]): OutputLines {
    const { tail } = this.#ensure(event.phase, event.time);
    tail.push(...lines.slice(-tailLines).map((line) => line.slice(0, tailLineLength)));
    tail.splice(0, tail.length - tailLines);
    return { phase: event.phase, stream: event.stream, lines };
  }

  #ensure(name: Phase, time: number): PhaseState {
    const known = this.#phases.get(name);
    if (known !== undefined) return known;
    const phase: PhaseState = {
      phase: name,
      state: 'running',
      startedAt: time,
      endedAt: undefined,
      detail: undefined,
      items: new Map(),
      tail: [],
    };
    this.#phases.set(name, phase);
    return phase;
  }
}

/** What the items of a phase that are counted in bytes add up to. */
export interface ByteProgress {
  readonly current: number;
  /** Absent while the size of any item is unknown. */
  readonly total: number | undefined;
  readonly items: number;
  readonly done: number;
}

/** Sums the items of a phase that are counted in bytes; undefined when there are none. */
export function sumBytes(phase: PhaseState): ByteProgress | undefined {
  const items = [...phase.items.values()].filter(({ unit }) => unit === 'bytes');
  if (items.length === 0) return undefined;
  const known = items.every(({ total }) => total !== undefined);
  return {
    current: items.reduce((sum, { current }) => sum + current, 0),
    total: known ? items.reduce((sum, { total = 0 }) => sum + total, 0) : undefined,
    items: items.length,
    done: items.filter(({ current, total }) => total !== undefined && current >= total).length,
  };
}
