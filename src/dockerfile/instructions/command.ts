/** Command lines: JSON lists and everything else. */

import { problem, type ReadContext, writtenOf } from '../context.ts';
import type { Statement } from '../lines.ts';
import type { Command, CommandInstruction, ShellInstruction } from '../types.ts';
import type { Word } from '../words.ts';

/**
 * Reads a text that may be a JSON list of strings; undefined when it is not meant as one. A list of anything else is
 * a problem and counts as empty.
 */
export function parseJsonList(
  text: string,
  statement: Statement,
  context: ReadContext,
): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(json)) return undefined;
  if (json.every((item) => typeof item === 'string')) return json;
  problem(context, statement, 'a list in JSON form holds something that is not a string', {
    suggestion: 'write every item in double quotes',
  });
  return [];
}

/** Reads a command line: exec form when it is a JSON list, else one text for the shell. */
export function parseCommand(word: Word, statement: Statement, context: ReadContext): Command {
  const list = parseJsonList(word.text, statement, context);
  if (list !== undefined) return { form: 'exec', arguments: list };
  if (/^\[\s*["']/.test(word.text)) {
    context.warn({
      rule: 'JSONArgsRecommended',
      message: `${statement.keyword} begins like a JSON list and is none, so the shell gets it as it is`,
      position: statement.locate(word.offset),
    });
  }
  return { form: 'shell', text: word.text };
}

/** Reads CMD and ENTRYPOINT. */
export function parseCommandInstruction(
  kind: 'cmd' | 'entrypoint',
  statement: Statement,
  context: ReadContext,
): CommandInstruction {
  const command = parseCommand({ text: statement.rest, offset: 0 }, statement, context);
  return { kind, ...writtenOf(statement), command };
}

/** Reads SHELL, which has a JSON form only. */
export function parseShell(
  statement: Statement,
  context: ReadContext,
): ShellInstruction | undefined {
  const list = parseJsonList(statement.rest, statement, context);
  if (list !== undefined && list.length > 0)
    return { kind: 'shell', ...writtenOf(statement), arguments: list };
  return problem(context, statement, 'needs a JSON list with at least one string', {
    suggestion: 'write it as SHELL ["/bin/bash", "-c"]',
  });
}
