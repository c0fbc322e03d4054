/**
 * Here-documents of RUN, COPY and ADD: words such as `<<EOF`, `<<-"EOF"` and `3<<EOF`, and the lines behind the
 * instruction that belong to them.
 */

import type { Heredoc } from './types.ts';
import { shellWords } from './words.ts';

/** A word that begins a here-document. */
export interface HeredocStart extends Omit<Heredoc, 'content'> {
  /** Whether leading tabs of its end are not looked at, and those of its content are taken away: `<<-`. */
  readonly tabs: boolean;
  /** Where the word begins. */
  readonly offset: number;
  /** The word as written. */
  readonly word: string;
}

/** Finds the words of an instruction that begin here-documents. */
export function findHeredocs(text: string, escapeCharacter: string): readonly HeredocStart[] {
  return shellWords(text, escapeCharacter).flatMap(({ text: word, offset }) => {
    const start = parseHeredocWord(word);
    return start === undefined ? [] : [{ ...start, offset, word }];
  });
}

function parseHeredocWord(word: string): Omit<HeredocStart, 'offset' | 'word'> | undefined {
  const match = /^(\d{0,4})<<(-?)([^<]+)$/.exec(word);
  if (match === null) return undefined;
  const [, descriptor = '', dash, written = ''] = match;
  const name = written.replace(/["'\\]/g, '');
  if (name === '') return undefined;
  return { name, descriptor: Number(descriptor), tabs: dash === '-', expand: name === written };
}

/** Reads the content from a line on; undefined when the lines end first. */
export function readHeredoc(
  start: HeredocStart,
  lines: readonly string[],
  from: number,
): { heredoc: Heredoc; next: number } | undefined {
  const content: string[] = [];
  for (let at = from; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const chomped = start.tabs ? line.replace(/^\t+/, '') : line;
    if (chomped === start.name) {
      const { name, expand, descriptor } = start;
      const text = content.map((one) => `${one}\n`).join('');
      return { heredoc: { name, content: text, expand, descriptor }, next: at + 1 };
    }
    content.push(chomped);
  }
  return undefined;
}
