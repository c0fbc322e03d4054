/** Runs git for one source: policy, working directory and errors in one place. */

import { BuildError } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';
import type { SourceDeps } from '../deps.ts';
import {
  type GitPolicy,
  type GitSetting,
  gitEnvironment,
  listingEnvironment,
  trustedSettings,
} from './environment.ts';
import { gitFailure } from './failure.ts';
import { type GitOutcome, type GitRunner, gitRunner } from './runner.ts';

/** What one call may change. */
export interface GitCallOptions {
  readonly cwd?: string;
  /** Variables beside those of the policy, such as GIT_DIR. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onStderr?: (text: string) => void;
}

/** Git under one policy. */
export class GitSession {
  readonly #runner: GitRunner;
  readonly #env: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal | undefined;

  constructor(
    deps: Pick<SourceDeps, 'git' | 'env'>,
    policy: GitPolicy,
    signal: AbortSignal | undefined,
  ) {
    this.#runner = deps.git ?? gitRunner();
    this.#env = gitEnvironment(deps.env, policy);
    this.#signal = signal;
  }

  /** Runs git to its end, whatever its exit code. */
  run(args: readonly string[], options: GitCallOptions = {}): Promise<GitOutcome> {
    const { env, ...rest } = options;
    return this.#runner.run({ args, env: { ...this.#env, ...env }, ...rest }, this.#signal);
  }

  /**
   * Runs git and returns its standard output.
   *
   * @param what completes "cannot ..." in the message
   * @throws BuildError `SOURCE_FETCH_FAILED`, `SOURCE_NOT_FOUND`
   */
  async output(
    what: string,
    args: readonly string[],
    options: GitCallOptions = {},
  ): Promise<string> {
    const outcome = await this.run(args, options);
    if (outcome.code !== 0) throw gitFailure(what, outcome);
    return outcome.stdout;
  }
}

/** Reads what of the user's own git configuration is taken over; empty when there is none. */
export async function readUserSettings(
  deps: Pick<SourceDeps, 'git' | 'env'>,
  signal: AbortSignal | undefined,
): Promise<readonly GitSetting[]> {
  const runner = deps.git ?? gitRunner();
  const args = ['config', '--list', '-z', '--includes'];
  const outcome = await runner.run({ args, env: listingEnvironment(deps.env), cwd: '/' }, signal);
  if (outcome.code !== 0) return [];
  return trustedSettings(outcome.stdout.split('\0').map(parseSetting));
}

/** A name without a value means true. */
function parseSetting(text: string): GitSetting {
  const end = text.indexOf('\n');
  return end === -1 ? [text, 'true'] : [text.slice(0, end), text.slice(end + 1)];
}

/** Throws unless git put out something, for answers that cannot be empty. */
export function nonEmpty(output: string, what: string): string {
  const text = output.trim();
  if (text !== '') return text;
  throw new BuildError('SOURCE_FETCH_FAILED', `git gave no answer: ${displayText(what)}`, {
    origin: 'source',
  });
}
