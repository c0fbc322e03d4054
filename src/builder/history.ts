/** What the history of an image says about each instruction, in the words of BuildKit. Pure. */

import type { Instruction, RunInstruction } from '../dockerfile/index.ts';
import type { JsonObject } from '../model/index.ts';
import { argumentsOf, pathIn } from './metadata.ts';

const maxLength = 8192;

/**
 * Returns the text of `created_by`. Of the variables of the build it names those that ARG declared, as Docker does;
 * secrets are not among them.
 *
 * @param args declared arguments that RUN sees
 */
export function createdBy(
  instruction: Instruction,
  config: JsonObject,
  args: ReadonlyMap<string, string>,
): string {
  return textOf(instruction, config, args).slice(0, maxLength);
}

function textOf(
  instruction: Instruction,
  config: JsonObject,
  args: ReadonlyMap<string, string>,
): string {
  switch (instruction.kind) {
    case 'run':
      return `RUN ${argumentPrefix(args)}${commandText(instruction, config)} # buildkit`;
    case 'copy':
    case 'add':
      return `${instruction.original} # buildkit`;
    case 'workdir':
      return `WORKDIR ${pathIn(config, instruction.path)}`;
    case 'user':
      return `USER ${instruction.user}`;
    case 'env':
    case 'label': {
      const pairs = instruction.pairs.map(({ name, value }) => `${name}=${value}`);
      return `${instruction.kind.toUpperCase()} ${pairs.join(' ')}`;
    }
    case 'cmd':
    case 'entrypoint':
      return `${instruction.kind.toUpperCase()} ${JSON.stringify(argumentsOf(instruction.command, config))}`;
    case 'expose':
      return `EXPOSE ${instruction.ports.join(' ')}`;
    case 'volume':
      return `VOLUME [${instruction.paths.join(' ')}]`;
    default:
      return instruction.original;
  }
}

function argumentPrefix(args: ReadonlyMap<string, string>): string {
  if (args.size === 0) return '';
  return `|${args.size} ${[...args].map(([name, value]) => `${name}=${value}`).join(' ')} `;
}

function commandText(instruction: RunInstruction, config: JsonObject): string {
  const { command, script } = instruction;
  if (script !== undefined) return instruction.original.replace(/^\S+\s+/, '');
  return argumentsOf(command, config).join(' ');
}
