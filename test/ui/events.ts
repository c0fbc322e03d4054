/** Short ways to make events, and a clock that tests turn by hand. */

import type { BuildEvent, Phase, PhaseEvent } from '../../src/events/index.ts';
import type { Clock } from '../../src/ui/index.ts';

/** A phase event at a time in milliseconds. */
export function phase(
  name: Phase,
  state: PhaseEvent['state'],
  time = 0,
  detail?: string,
): BuildEvent {
  return { type: 'phase', phase: name, state, time, ...(detail === undefined ? {} : { detail }) };
}

/** Output of a script on stdout. */
export function output(name: Phase, chunk: string | Uint8Array, time = 0): BuildEvent {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  return { type: 'output', phase: name, stream: 'stdout', chunk: bytes, time };
}

/** Bytes of one piece of work. */
export function bytes(
  name: Phase,
  id: string,
  current: number,
  total?: number,
  time = 0,
): BuildEvent {
  const known = total === undefined ? {} : { total };
  return {
    type: 'progress',
    phase: name,
    id,
    label: `layer ${id}`,
    current,
    ...known,
    unit: 'bytes',
    time,
  };
}

/** A message of ours. */
export function log(level: 'debug' | 'info' | 'warning', message: string): BuildEvent {
  return { type: 'log', level, message, time: 0 };
}

/** A clock that stands still until it is told. */
export class ManualClock implements Clock {
  time = 0;
  readonly #ticks = new Set<() => void>();

  now(): number {
    return this.time;
  }

  every(_: number, tick: () => void): () => void {
    this.#ticks.add(tick);
    return () => this.#ticks.delete(tick);
  }

  /** Whether anything still waits for ticks. */
  get running(): boolean {
    return this.#ticks.size > 0;
  }

  /** Moves time on and ticks once. */
  advance(milliseconds: number): void {
    this.time += milliseconds;
    for (const tick of this.#ticks) tick();
  }
}
