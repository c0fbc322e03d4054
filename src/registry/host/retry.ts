/**
 * When work on a registry is tried again.
 *
 * A failure that may pass is waited out with full jitter; `Retry-After` and rate limits close the gate of
 * the whole host. Progress refills the attempts. A registry that has answered before may vanish for a
 * while (`outageMs`), because restarts and network changes take longer than a few attempts.
 */

import { BuildError } from '../../errors/index.ts';
import { RequestFailure } from '../http/failure.ts';
import { explainFailure, isTransient, type Operation } from './explain.ts';
import type { RegistryHost } from './host.ts';

/** The attempts of one operation. */
export class Attempts {
  readonly #host: RegistryHost;
  readonly #operation: Operation;
  readonly #signal: AbortSignal;
  readonly #startedAt: number;
  #failed = 0;
  #total = 0;
  /** Damaged content is asked for once more, not again and again. */
  #seenCorrupt = false;
  #outageSince: number | undefined;

  constructor(host: RegistryHost, operation: Operation, signal: AbortSignal) {
    this.#host = host;
    this.#operation = operation;
    this.#signal = signal;
    this.#startedAt = host.context.clock.now();
  }

  /** How often the operation has failed so far. */
  get failed(): number {
    return this.#total;
  }

  /** Something was achieved: attempts count from the beginning again. */
  progress(): void {
    this.#failed = 0;
    this.#outageSince = undefined;
  }

  /**
   * Takes what an attempt threw. Returns after the right wait when the work is worth another attempt.
   *
   * @throws BuildError when it is not; what is no failure of a request is thrown as it is
   */
  async failure(thrown: unknown): Promise<void> {
    this.#signal.throwIfAborted();
    if (!(thrown instanceof RequestFailure)) throw thrown;
    this.#failed += 1;
    this.#total += 1;
    const wait = this.#wait(thrown);
    if (wait === undefined) throw this.#explain(thrown);
    const { clock, settings, counters } = this.#host.context;
    if (clock.now() + wait - this.#startedAt > settings.timeouts.totalMs) {
      throw this.#explain(thrown);
    }
    counters.retry();
    this.#host.tell('debug', `${this.#operation.what}: ${thrown.message}; trying again`);
    if (thrown.status === 429 || thrown.retryAfter !== undefined) this.#host.gate.pause(wait);
    else await clock.sleep(wait, this.#signal);
  }

  /** Milliseconds to wait before the next attempt; undefined when there is to be none. */
  #wait(failure: RequestFailure): number | undefined {
    const { retry } = this.#host.context.settings;
    if (failure.kind === 'corrupt' && !this.#seenCorrupt) {
      this.#seenCorrupt = true;
      return 0;
    }
    if (!isTransient(failure)) return undefined;
    const { attempts = retry.attempts } = this.#operation;
    if (this.#failed >= attempts && !this.#isOutage(failure)) return undefined;
    if (failure.retryAfter !== undefined) {
      if (failure.retryAfter <= retry.maxRetryAfterMs) return failure.retryAfter;
      throw this.#tooLong(failure);
    }
    const ceiling = Math.min(retry.maxMs, retry.baseMs * 2 ** (this.#failed - 1));
    return this.#host.context.random() * ceiling;
  }

  /** A registry that once answered and now cannot be reached, for not too long. */
  #isOutage(failure: RequestFailure): boolean {
    const { clock, settings } = this.#host.context;
    if (failure.kind !== 'unreachable' || !this.#host.hasAnswered) return false;
    if (this.#operation.attempts !== undefined) return false;
    this.#outageSince ??= clock.now();
    return clock.now() - this.#outageSince < settings.retry.outageMs;
  }

  #explain(failure: RequestFailure): BuildError {
    const given = { attempts: this.#total, registry: this.#host.registry };
    return explainFailure(failure, this.#operation, given);
  }

  #tooLong(failure: RequestFailure): BuildError {
    const seconds = Math.ceil((failure.retryAfter ?? 0) / 1000);
    const { code, message, details } = this.#explain(failure);
    return new BuildError(code, `${message}: the registry asks to wait ${seconds} s`, {
      retryable: true,
      details,
      cause: failure,
      suggestion: `try again in ${seconds} s`,
    });
  }
}

/** Repeats work until it succeeds or is given up. */
export async function withRetry<T>(
  host: RegistryHost,
  operation: Operation,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const attempts = new Attempts(host, operation, signal);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await attempts.failure(error);
    }
  }
}
