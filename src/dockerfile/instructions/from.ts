/** FROM. */

import { problem, type ReadContext, shown, writtenOf } from '../context.ts';
import type { Statement } from '../lines.ts';
import type { FromInstruction } from '../types.ts';
import { plainWords } from '../words.ts';
import { parseFlags } from './flags.ts';

const reservedNames = new Set(['context', 'scratch']);

/** Reads FROM. */
export function parseFrom(statement: Statement, context: ReadContext): FromInstruction | undefined {
  const flags = parseFlags(statement, { platform: 'value' }, context);
  const words = plainWords(flags.rest.text);
  const [image, as, name] = words;
  const isNamed = words.length === 3 && as?.text.toUpperCase() === 'AS';
  if (image === undefined || (words.length !== 1 && !isNamed))
    return problem(context, statement, 'takes one image, and then AS and a name', {
      suggestion: 'write FROM image, or FROM image AS name',
    });
  const platform = flags.value('platform');
  if (name !== undefined) {
    checkName(name.text, flags.rest.offset + name.offset, statement, context);
  }
  return {
    kind: 'from',
    ...writtenOf(statement),
    image: image.text,
    ...(platform === undefined ? {} : { platform }),
    ...(name === undefined ? {} : { name: name.text.toLowerCase() }),
  };
}

function checkName(name: string, offset: number, statement: Statement, context: ReadContext): void {
  const lower = name.toLowerCase();
  if (!/^[a-z][a-z0-9_.-]*$/.test(lower)) {
    problem(context, statement, `${shown(name)} is no name for a stage`, {
      suggestion: 'a name is a letter, then letters, digits, ".", "_" and "-"',
      offset,
    });
  }
  const position = statement.locate(offset);
  if (reservedNames.has(lower)) {
    context.warn({
      rule: 'ReservedStageName',
      message: `the name ${shown(name)} means something else in FROM and --from`,
      position,
    });
  }
  if (name !== lower) {
    context.warn({
      rule: 'StageNameCasing',
      message: `stages are named without regard to case; ${shown(name)} is the same as ${shown(lower)}`,
      position,
    });
  }
}
