/** What the readers of single instructions share. */

import { displayText } from '../model/index.ts';
import type { Statement } from './lines.ts';
import type { Problems } from './problems.ts';
import type { Position, Warning, Written } from './types.ts';

/** Where a reader of instructions puts what it finds besides its result. */
export interface ReadContext {
  readonly escapeCharacter: string;
  readonly problems: Problems;
  warn(warning: Warning): void;
}

/** The fields that all instructions have. */
export function writtenOf({ position, endLine, original }: Statement): Written {
  return { position, endLine, original };
}

/** Quotes text of a Dockerfile for a message, shortened. */
export function shown(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  return `"${displayText(short)}"`;
}

/** Notes a problem at the keyword or at an offset of the statement's rest. */
export function problem(
  context: ReadContext,
  statement: Statement,
  message: string,
  options: { readonly suggestion?: string; readonly offset?: number } = {},
): undefined {
  const position: Position =
    options.offset === undefined ? statement.position : statement.locate(options.offset);
  context.problems.add(position, `${statement.keyword}: ${message}`, options.suggestion);
  return undefined;
}
