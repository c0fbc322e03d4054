/** Runs phases: tells their begin and end, keeps their times, and stamps errors with the phase. */

import { asBuildError } from '../errors/index.ts';
import type { Phase, Reporter } from '../events/index.ts';

/** A finished phase with its duration. */
export interface PhaseTime {
  readonly phase: Phase;
  readonly milliseconds: number;
  readonly detail?: string;
}

/** What a phase function gives back: its value, and a few words on how it went. */
export interface PhaseOutcome<T> {
  readonly value: T;
  readonly detail?: string;
}

/** Runs work that belongs to a phase: its errors leave with the phase's name on them, unless they have one. */
export async function asPartOf<T>(phase: Phase, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = asBuildError(thrown);
    error.phase ??= phase;
    throw error;
  }
}

/** Times phases and reports them. Phases may overlap. */
export class PhaseTimer {
  readonly #reporter: Reporter;
  readonly #now: () => number;
  readonly #times: PhaseTime[] = [];

  /** @param now milliseconds since the epoch */
  constructor(reporter: Reporter, now: () => number) {
    this.#reporter = reporter;
    this.#now = now;
  }

  /** Phases in the order in which they ended. */
  get times(): readonly PhaseTime[] {
    return this.#times;
  }

  /** Runs one phase. Errors leave with the phase's name on them. */
  async run<T>(phase: Phase, work: () => Promise<PhaseOutcome<T>>): Promise<T> {
    const start = this.#now();
    this.#reporter.emit({ type: 'phase', phase, state: 'started', time: start });
    try {
      const { value, detail } = await asPartOf(phase, work);
      this.#end(phase, 'finished', start, detail);
      return value;
    } catch (error) {
      this.#end(phase, 'failed', start, undefined);
      throw error;
    }
  }

  /** Reports a phase that was not needed. */
  skip(phase: Phase, detail: string): void {
    this.#reporter.emit({ type: 'phase', phase, state: 'skipped', time: this.#now(), detail });
  }

  #end(
    phase: Phase,
    state: 'finished' | 'failed',
    start: number,
    detail: string | undefined,
  ): void {
    const time = this.#now();
    const extra = detail === undefined ? {} : { detail };
    this.#times.push({ phase, milliseconds: Math.round(time - start), ...extra });
    this.#reporter.emit({ type: 'phase', phase, state, time, ...extra });
  }
}
