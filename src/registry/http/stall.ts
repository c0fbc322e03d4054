/**
 * A timer for transfers that counts only the time spent waiting for the other side.
 *
 * It goes off when nothing moves for `idleMs`, or when a window of `windowMs` waiting time brought fewer
 * than `minBytesPerSecond` (security reference F04). Slow local work never counts.
 */

/** When a transfer counts as stalled. */
export interface StallLimits {
  readonly idleMs: number;
  readonly windowMs: number;
  readonly minBytesPerSecond: number;
}

/** Watches one transfer; call `wait` before and `move` after each wait, and `stop` at the end. */
export class StallTimer {
  readonly #limits: StallLimits;
  readonly #onStall: (why: string) => void;
  #timer: NodeJS.Timeout | undefined;
  #waiting = false;
  #since = 0;
  #waited = 0;
  #moved = 0;

  constructor(limits: StallLimits, onStall: (why: string) => void) {
    this.#limits = limits;
    this.#onStall = onStall;
  }

  /** The transfer now waits for the other side. */
  wait(): void {
    this.#waiting = true;
    this.#since = performance.now();
    this.#timer ??= setTimeout(() => this.#idle(), this.#limits.idleMs);
    this.#timer.refresh();
  }

  /** The wait is over: so many bytes moved. What follows is local work until the next wait. */
  move(bytes: number): void {
    const { windowMs, minBytesPerSecond } = this.#limits;
    this.#waiting = false;
    this.#waited += performance.now() - this.#since;
    this.#moved += bytes;
    if (this.#waited < windowMs) return;
    const rate = Math.round((this.#moved * 1000) / this.#waited);
    this.#waited = 0;
    this.#moved = 0;
    if (rate < minBytesPerSecond) this.#onStall(`only ${rate} bytes per second`);
  }

  /** The transfer is over. */
  stop(): void {
    this.#waiting = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #idle(): void {
    if (this.#waiting) this.#onStall(`nothing moved for ${this.#limits.idleMs / 1000} s`);
  }
}
