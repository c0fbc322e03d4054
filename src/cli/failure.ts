/** The last words of a command that failed: what, why, what to do. Always on standard error. */

import type { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import type { CommandIo } from './command.ts';

/** Prints an error for a person; causes are shown with `S2OCI_DEBUG=1`. */
export function printFailure(error: BuildError, io: CommandIo): void {
  const where = error.phase === undefined ? '' : ` (${error.phase})`;
  const lines = [`s2oci: ${error.code}${where}: ${displayLines(error.message)}`];
  if (error.suggestion !== undefined) lines.push(`  try: ${displayLines(error.suggestion)}`);
  if (error.code === 'INTERNAL')
    lines.push('  this is a bug in s2oci; please report it with the output of S2OCI_DEBUG=1');
  if (io.env['S2OCI_DEBUG'] === '1') lines.push(...stackLines(error));
  io.stderr.write(`${lines.join('\n')}\n`);
}

function displayLines(text: string): string {
  return text.split('\n').map(displayText).join('\n    ');
}

function stackLines(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const cause = error.cause === undefined ? [] : ['caused by:', ...stackLines(error.cause)];
  return [error.stack ?? error.message, ...cause];
}
