/**
 * The last thing that is shown of a failed command: the end of the script's output, what failed and why,
 * and what to do. Never grouped or folded, so that nobody has to look for it.
 */

import type { BuildError } from '../errors/index.ts';
import { phases } from '../events/index.ts';
import type { Paint } from './paint.ts';
import type { BuildState } from './state.ts';
import { safeText } from './text.ts';
import type { RendererOptions } from './types.ts';

/** Returns the lines of the failure report. */
export function failureReport(
  error: BuildError,
  state: BuildState,
  options: RendererOptions,
  paint: Paint,
): readonly string[] {
  const safe = (text: string) => safeText(text, { sgr: false, ci: options.ci ?? false });
  const tail = tailOf(error, state, safe).map((line) => paint('dim', line));
  const where = error.phase === undefined ? '' : ` in ${error.phase}`;
  const block = (text: string) => text.split('\n').map(safe).join('\n    ');
  const message = `${paint('red', `error${where}`)} [${error.code}]: ${block(error.message)}`;
  const suggestion = error.suggestion === undefined ? [] : [`hint: ${block(error.suggestion)}`];
  const retry = error.retryable ? ['the same command may succeed when it is run again'] : [];
  const cause = causeOf(error, options).map((line) => paint('dim', safe(line)));
  return [...tail, message, ...suggestion, ...retry, ...cause];
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

/** The stack of a bug of ours is for its report; of expected errors it is shown when asked for. */
function causeOf(error: BuildError, options: RendererOptions): readonly string[] {
  if (!options.verbose && error.code !== 'INTERNAL') return [];
  const { cause } = error;
  return cause instanceof Error && cause.stack !== undefined ? cause.stack.split('\n') : [];
}
