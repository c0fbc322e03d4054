/** `s2oci completion`: shell completions. */

import { BuildError } from '../../errors/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { completionScript, type Shell, shells } from '../completion.ts';

/** Prints the completion script for a shell, made of the table of commands. */
export async function completion(
  { args: [shell = ''], io }: Invocation,
  commands: readonly CommandSpec[],
): Promise<number> {
  if (!shells.includes(shell as Shell)) {
    throw new BuildError('USAGE_INVALID', `no completions for ${JSON.stringify(shell)}`, {
      suggestion: `name one of ${shells.join(', ')}`,
    });
  }
  const program = { name: 's2oci', summary: '', subcommands: commands };
  io.stdout.write(completionScript(shell as Shell, program));
  return 0;
}
