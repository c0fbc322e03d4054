/** `s2oci completion`: shell completions. */

import type { CommandSpec } from '../command.ts';

/** Prints the completion script for a shell; `commands` gives the table that it is made of. */
export function completionCommand(commands: () => readonly CommandSpec[]): CommandSpec {
  return {
    name: 'completion',
    summary: 'print a completion script for a shell',
    arguments: [{ name: '<shell>', description: 'bash, zsh, fish' }],
    examples: [
      'source <(s2oci completion bash)',
      's2oci completion fish > ~/.config/fish/completions/s2oci.fish',
    ],
    run: async (invocation) =>
      (await import('../actions/completion.ts')).completion(invocation, commands()),
  };
}
