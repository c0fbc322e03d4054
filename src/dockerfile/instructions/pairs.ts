/** ENV, LABEL and ARG: names and values. */

import { problem, type ReadContext, shown, writtenOf } from '../context.ts';
import type { Statement } from '../lines.ts';
import type { ArgInstruction, EnvInstruction, LabelInstruction, Pair } from '../types.ts';
import { quotedWords } from '../words.ts';

/** Reads ENV. */
export function parseEnv(statement: Statement, context: ReadContext): EnvInstruction | undefined {
  const pairs = parsePairs(statement, context);
  return pairs && { kind: 'env', ...writtenOf(statement), pairs };
}

/** Reads LABEL. */
export function parseLabel(
  statement: Statement,
  context: ReadContext,
): LabelInstruction | undefined {
  const pairs = parsePairs(statement, context);
  return pairs && { kind: 'label', ...writtenOf(statement), pairs };
}

/** Reads ARG. */
export function parseArg(statement: Statement, context: ReadContext): ArgInstruction {
  const words = quotedWords(statement.rest, context.escapeCharacter);
  const declarations = words.flatMap(({ text, offset }) => {
    const { name, value } = splitPair(text);
    if (name === '') return problem(context, statement, 'a name is empty', { offset }) ?? [];
    return [{ name, ...(value === undefined ? {} : { value }) }];
  });
  return { kind: 'arg', ...writtenOf(statement), declarations };
}

function parsePairs(statement: Statement, context: ReadContext): readonly Pair[] | undefined {
  const words = quotedWords(statement.rest, context.escapeCharacter);
  const first = words[0]?.text ?? '';
  if (!first.includes('=')) return legacyPair(first, statement, context);
  return words.flatMap(({ text, offset }) => {
    const { name, value } = splitPair(text);
    if (value === undefined)
      return (
        problem(context, statement, `"=" is missing in ${shown(text)}`, {
          suggestion: 'write name=value, with quotes around values that hold spaces',
          offset,
        }) ?? []
      );
    if (name === '') return problem(context, statement, 'a name is empty', { offset }) ?? [];
    return [{ name, value }];
  });
}

/** `ENV name the whole rest`. */
function legacyPair(
  name: string,
  statement: Statement,
  context: ReadContext,
): readonly Pair[] | undefined {
  const value = statement.rest.slice(name.length).trim();
  if (value === '')
    return problem(context, statement, `${shown(name)} has no value`, {
      suggestion: `write ${statement.keyword} name=value`,
    });
  context.warn({
    rule: 'LegacyKeyValueFormat',
    message: `${statement.keyword} name=value is clearer than ${statement.keyword} name value`,
    position: statement.position,
  });
  return [{ name, value }];
}

function splitPair(word: string): { name: string; value?: string } {
  const equals = word.indexOf('=');
  return equals === -1
    ? { name: word }
    : { name: word.slice(0, equals), value: word.slice(equals + 1) };
}
