/**
 * Taking an instruction's text apart: words at spaces, words with quotes, the flags at its beginning. Quotes, escapes
 * and variables stay in the words; `expand.ts` resolves them. Linear in the length of the text.
 */

/** A word and where it begins. */
export interface Word {
  readonly text: string;
  readonly offset: number;
}

/** Splits at white space and at nothing else: paths of COPY, ports of EXPOSE. */
export function plainWords(text: string): readonly Word[] {
  return Array.from(text.matchAll(/\S+/g), (match) => ({ text: match[0], offset: match.index }));
}

/** Splits at white space outside of quotes, as ENV, LABEL and ARG do: the escape character counts in both kinds of quotes. */
export function quotedWords(text: string, escapeCharacter: string): readonly Word[] {
  return splitWords(text, escapeCharacter, `"'`);
}

/** Splits as a shell does: nothing counts within single quotes. */
export function shellWords(text: string, escapeCharacter: string): readonly Word[] {
  return splitWords(text, escapeCharacter, '"');
}

function splitWords(text: string, escapeCharacter: string, escapesIn: string): readonly Word[] {
  const words: Word[] = [];
  let offset = skipSpace(text, 0);
  while (offset < text.length) {
    const end = endOfWord(text, offset, escapeCharacter, escapesIn);
    words.push({ text: text.slice(offset, end), offset });
    offset = skipSpace(text, end);
  }
  return words;
}

function endOfWord(text: string, from: number, escapeCharacter: string, escapesIn: string): number {
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (quote === '' && isSpace(character)) return at;
    if (character === escapeCharacter && (quote === '' || escapesIn.includes(quote))) at += 1;
    else quote = quoteAfter(character, quote);
  }
  return text.length;
}

function quoteAfter(character: string, quote: string): string {
  if (quote !== '') return character === quote ? '' : quote;
  return character === '"' || character === "'" ? character : '';
}

/** A flag such as `--from=build`, its value without quotes. */
export interface Flag {
  readonly name: string;
  /** Absent for `--link`, empty for `--link=`. */
  readonly value?: string;
  readonly offset: number;
}

/** Reads the flags at the beginning; `--` ends them. */
export function readFlags(text: string): { flags: readonly Flag[]; rest: Word } {
  const flags: Flag[] = [];
  let at = skipSpace(text, 0);
  while (text.startsWith('--', at)) {
    const { word, end } = readFlagWord(text, at);
    const offset = at;
    at = skipSpace(text, end);
    if (word === '--') break;
    flags.push({ ...splitFlag(word), offset });
  }
  return { flags, rest: { text: text.slice(at), offset: at } };
}

function splitFlag(word: string): Omit<Flag, 'offset'> {
  const equals = word.indexOf('=');
  if (equals === -1) return { name: word.slice(2) };
  return { name: word.slice(2, equals), value: word.slice(equals + 1) };
}

/** Quotes and backslashes of flags are resolved here, whatever the escape character is. */
function readFlagWord(text: string, from: number): { word: string; end: number } {
  const parts: string[] = [];
  let quote = '';
  let at = from;
  for (; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (quote === '' && isSpace(character)) break;
    const next = quoteAfter(character, quote);
    if (character === '\\') {
      at += 1;
      parts.push(text[at] ?? '');
    } else if (next === quote) parts.push(character);
    else quote = next;
  }
  return { word: parts.join(''), end: at };
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text[at] ?? '')) at += 1;
  return at;
}

function isSpace(character: string): boolean {
  return /\s/.test(character);
}
