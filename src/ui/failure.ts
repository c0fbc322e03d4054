/**
 * The last thing that is shown of a failed command: the end of the script's output, what failed and why,
 * what an exit code means, and what to do. Never grouped or folded, so that nobody has to look for it.
 */

import type { BuildError } from '../errors/index.ts';
import { phases } from '../events/index.ts';
import type { Paint } from './paint.ts';
import type { BuildState } from './state.ts';
import { safeText } from './text.ts';
import type { RendererOptions } from './types.ts';

const exitCodeMeanings: Readonly<Record<number, string>> = {
  126: 'found, but could not be executed: no execute permission, or its interpreter is missing',
  127: 'command not found: a program that the script calls is not in the image, or not in its PATH',
  130: 'interrupted (SIGINT)',
  134: 'aborted itself (SIGABRT)',
  137: 'killed (SIGKILL): most often out of memory or over a limit',
  139: 'crashed (SIGSEGV): often a binary for another processor or C library',
  143: 'terminated (SIGTERM)',
};

/** Says in words what the exit code of a script means; undefined when it means nothing in general. */
export function meaningOfExitCode(code: number): string | undefined {
  return exitCodeMeanings[code];
}

/** Returns the lines of the failure report. `error.details.exitCode` is the script's own exit code. */
export function failureReport(
  error: BuildError,
  state: BuildState,
  options: RendererOptions,
  paint: Paint,
): readonly string[] {
  const safe = (text: string) => safeText(text, { sgr: false, ci: options.ci ?? false });
  const tail = tailOf(error, state, safe).map((line) => paint('dim', line));
  const where = error.phase === undefined ? '' : ` in ${error.phase}`;
  const message = `${paint('red', `error${where}`)} [${error.code}]: ${safe(error.message)}`;
  const suggestion = error.suggestion === undefined ? [] : [`hint: ${safe(error.suggestion)}`];
  const retry = error.retryable ? ['the same command may succeed when it is run again'] : [];
  const cause = causeOf(error, options).map((line) => paint('dim', safe(line)));
  return [...tail, message, ...exitCodeLine(error), ...suggestion, ...retry, ...cause];
}

function tailOf(
  error: BuildError,
  state: BuildState,
  safe: (text: string) => string,
): readonly string[] {
  const name = phases.find((phase) => phase === error.phase);
  const phase = name === undefined ? undefined : state.phase(name);
  if (phase === undefined || phase.tail.length === 0) return [];
  return [`last lines of ${phase.phase}:`, ...phase.tail.map((line) => ` | ${safe(line)}`)];
}

function exitCodeLine(error: BuildError): readonly string[] {
  const code = error.details['exitCode'];
  if (typeof code !== 'number') return [];
  const meaning = meaningOfExitCode(code);
  return [`exit code ${code}${meaning === undefined ? '' : `: ${meaning}`}`];
}

/** The stack of a bug of ours is for its report; of expected errors it is shown when asked for. */
function causeOf(error: BuildError, options: RendererOptions): readonly string[] {
  if (!options.verbose && error.code !== 'INTERNAL') return [];
  const { cause } = error;
  return cause instanceof Error && cause.stack !== undefined ? cause.stack.split('\n') : [];
}
