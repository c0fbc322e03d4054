/** What can be known about an instruction before its variables are: faults are found before anything runs. */

import type { ReadContext } from './context.ts';
import type { ExpandOptions } from './expand.ts';
import { resolveTexts } from './expand-instruction.ts';
import { ExpansionFault } from './expansion-fault.ts';
import type { Instruction } from './types.ts';
import { normalize } from './validate.ts';

/** Notes faults that no value of any variable can mend. */
export function checkStatically(instruction: Instruction, context: ReadContext): void {
  const variables = { used: false };
  const options: ExpandOptions = {
    escapeCharacter: context.escapeCharacter,
    lookup: () => {
      variables.used = true;
      return 'x';
    },
  };
  try {
    const resolved = resolveTexts(instruction, options);
    if (!variables.used) normalize(resolved);
  } catch (error) {
    if (!(error instanceof ExpansionFault)) throw error;
    context.problems.add(
      instruction.position,
      `${instruction.kind.toUpperCase()}: ${error.message}`,
    );
  }
}
