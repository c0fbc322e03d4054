/** What all parts of one build share: its request and ports, its clock of phases, and what it has to tell. */

import type { ApplicationDeps } from './deps.ts';
import { PhaseTimer } from './phase-timer.ts';
import type { BuildRequest } from './request.ts';

/** One running build. */
export class BuildRun {
  readonly deps: ApplicationDeps;
  readonly request: BuildRequest;
  readonly timer: PhaseTimer;
  /** What goes when the build ends, however it ends. */
  readonly resources: AsyncDisposableStack;
  readonly #warnings: string[] = [];

  constructor(deps: ApplicationDeps, request: BuildRequest, resources: AsyncDisposableStack) {
    this.deps = deps;
    this.request = request;
    this.resources = resources;
    this.timer = new PhaseTimer(deps.reporter, deps.now);
  }

  /** Everything that the user was warned of. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Warns the user, now and in the result. */
  warn(messages: readonly string[]): void {
    for (const message of messages) this.#log('warning', message);
    this.#warnings.push(...messages);
  }

  /** Puts warnings into the result that the user has seen already. */
  keepWarnings(messages: readonly string[]): void {
    this.#warnings.push(...messages);
  }

  /** Tells the user something. */
  tell(message: string): void {
    this.#log('info', message);
  }

  #log(level: 'info' | 'warning', message: string): void {
    this.deps.reporter.emit({ type: 'log', level, message, time: this.deps.now() });
  }
}
