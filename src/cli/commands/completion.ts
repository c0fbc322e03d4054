/** `s2oci completion`: shell completions. */

import { BuildError } from '../../errors/index.ts';
import type { CommandSpec } from '../command.ts';
import { completionScript, type Shell, shells } from '../completion.ts';

/** Prints the completion script for a shell; `commands` gives the table that it is made of. */
export function completionCommand(commands: () => readonly CommandSpec[]): CommandSpec {
  return {
    name: 'completion',
    summary: 'print a completion script for a shell',
    arguments: [{ name: '<shell>', description: shells.join(', ') }],
    examples: [
      'source <(s2oci completion bash)',
      's2oci completion fish > ~/.config/fish/completions/s2oci.fish',
    ],
    run: async ({ args: [shell = ''], io }) => {
      if (!shells.includes(shell as Shell)) {
        throw new BuildError('USAGE_INVALID', `no completions for ${JSON.stringify(shell)}`, {
          suggestion: `name one of ${shells.join(', ')}`,
        });
      }
      io.stdout.write(
        completionScript(shell as Shell, { name: 's2oci', summary: '', subcommands: commands() }),
      );
      return 0;
    },
  };
}
