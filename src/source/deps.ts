/** The ports through which a source is opened. */

import type { Readable } from 'node:stream';
import type { Reporter } from '../events/index.ts';
import type { Environment } from './git/environment.ts';
import type { GitRunner } from './git/runner.ts';

/** Everything with effects that opening a source needs. */
export interface SourceDeps {
  /** An existing directory on a file system with room for the source; what is made in it is removed again. */
  readonly scratchDir: string;
  readonly stdin: Readable;
  readonly reporter: Reporter;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The user's environment, of which git gets a short list. */
  readonly env: Environment;
  /** How git is run; the `git` on the PATH when absent. */
  readonly git?: GitRunner;
  /** Pause before a failed fetch is tried again; one second when absent. */
  readonly retryDelayMilliseconds?: number;
}

/** Tells the user something about the source. */
export function report(
  deps: SourceDeps,
  level: 'debug' | 'info' | 'warning',
  message: string,
): void {
  deps.reporter.emit({ type: 'log', level, message, phase: 'source', time: deps.now() });
}
