/** Shell completions, made of the table of commands. Pure: from the table to the text of a script. */

import { bashCompletion } from './completion/bash.ts';
import { fishCompletion } from './completion/fish.ts';
import { type CompletionCommand, flatten } from './completion/table.ts';
import { zshCompletion } from './completion/zsh.ts';

/** The shells that have completions. */
export const shells = ['bash', 'zsh', 'fish'] as const;

/** The name of a shell. */
export type Shell = (typeof shells)[number];

const writers = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** Writes the completion script of a program whose name, options and commands `program` holds. */
export function completionScript(shell: Shell, program: CompletionCommand): string {
  return writers[shell](program.name, flatten(program));
}
