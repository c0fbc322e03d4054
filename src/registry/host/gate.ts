/**
 * The pause that all requests to one host share: when a registry says "too many requests", everything
 * for that host waits, other hosts do not.
 */

import type { Clock } from '../context.ts';

/** A gate that can be closed for a while. */
export class Gate {
  readonly #clock: Clock;
  readonly #random: () => number;
  #until = 0;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Closes the gate for so many milliseconds from now; never opens it earlier than before. */
  pause(ms: number): void {
    this.#until = Math.max(this.#until, this.#clock.now() + ms);
  }

  /** Waits until the gate is open. Those who waited leave one after the other, not all at once. */
  async pass(signal: AbortSignal): Promise<void> {
    for (let wait = this.#until - this.#clock.now(); wait > 0; ) {
      await this.#clock.sleep(wait + this.#random() * Math.min(250, wait / 4), signal);
      wait = this.#until - this.#clock.now();
    }
  }
}
