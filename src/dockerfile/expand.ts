/**
 * Variables, quotes and escapes in a word of a Dockerfile: `$name`, `${name}` and its modifiers (`:-` `-` `:+` `+`
 * `:?` `?` `#` `##` `%` `%%` `/` `//`), single quotes that keep everything, double quotes that keep all but
 * variables.
 *
 * Linear but for patterns, and bounded: nesting, the length of results and the work of a pattern have limits.
 */

import { ExpansionFault } from './expansion-fault.ts';
import { GlobBudget, replaceMatches, type Trimming, trimMatch } from './glob.ts';

/** How a text is expanded. */
export interface ExpandOptions {
  readonly escapeCharacter: string;
  /** The value of a variable; undefined when it is not set. */
  lookup(name: string): string | undefined;
}

const maxDepth = 64;
const maxResult = 1024 * 1024;

/**
 * Expands a word: quotes and escapes are resolved with the variables.
 *
 * @throws ExpansionFault
 */
export function expandWord(text: string, options: ExpandOptions): string {
  return new Expansion(text, options, true).word();
}

/**
 * Expands a word and splits what comes of it at white space that is not quoted.
 *
 * @throws ExpansionFault
 */
export function expandWords(text: string, options: ExpandOptions): readonly string[] {
  return new Expansion(text, options, true).words();
}

/**
 * Expands the content of a here-document: quotes are characters like others.
 *
 * @throws ExpansionFault
 */
export function expandContent(text: string, options: ExpandOptions): string {
  return new Expansion(text, options, false).word();
}

/** What a text gave so far: characters that are quoted never split words. */
class Output {
  readonly #parts: string[] = [];
  readonly #words: string[] = [];
  #length = 0;
  #current: string | undefined;

  add(text: string, quoted: boolean): void {
    this.#length += text.length;
    if (this.#length > maxResult)
      throw new ExpansionFault(`it becomes longer than ${maxResult} characters`);
    this.#parts.push(text);
    if (quoted) this.#current = (this.#current ?? '') + text;
    else this.#split(text);
  }

  text(): string {
    return this.#parts.join('');
  }

  words(): readonly string[] {
    return this.#current === undefined ? this.#words : [...this.#words, this.#current];
  }

  #split(text: string): void {
    for (const piece of text.split(/(\s+)/)) {
      if (piece === '') continue;
      if (piece.trim() !== '') this.#current = (this.#current ?? '') + piece;
      else if (this.#current !== undefined) {
        this.#words.push(this.#current);
        this.#current = undefined;
      }
    }
  }
}

class Expansion {
  readonly #text: string;
  readonly #options: ExpandOptions;
  readonly #quotes: boolean;
  readonly #budget = new GlobBudget();
  #at = 0;
  #depth = 0;

  constructor(text: string, options: ExpandOptions, quotes: boolean) {
    this.#text = text;
    this.#options = options;
    this.#quotes = quotes;
  }

  word(): string {
    return this.#until('', false).text();
  }

  words(): readonly string[] {
    return this.#until('', false).words();
  }

  /** Reads up to a character that ends it, or to the end of the text when that is empty. */
  #until(stop: string, keepEscapes: boolean): Output {
    const output = new Output();
    while (this.#at < this.#text.length) {
      const character = this.#take();
      if (character === stop) return output;
      this.#element(character, keepEscapes, output);
    }
    if (stop === '') return output;
    throw new ExpansionFault(`"${stop}" is missing behind "\${"`);
  }

  #element(character: string, keepEscapes: boolean, output: Output): void {
    if (this.#quotes && character === "'") output.add(this.#singleQuoted(), true);
    else if (this.#quotes && character === '"') output.add(this.#doubleQuoted(), true);
    else if (character === '$') output.add(this.#dollar(), false);
    else if (character === this.#options.escapeCharacter)
      output.add(`${keepEscapes ? character : ''}${this.#escaped()}`, true);
    else output.add(character, false);
  }

  /** In the content of a here-document an escape only matters in front of what it keeps from being expanded. */
  #escaped(): string {
    if (this.#quotes) return this.#take();
    const next = this.#text[this.#at] ?? '';
    const { escapeCharacter } = this.#options;
    return next === '$' || next === escapeCharacter ? this.#take() : escapeCharacter;
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end === -1) throw new ExpansionFault("a single quote (') has no end");
    const quoted = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return quoted;
  }

  #doubleQuoted(): string {
    const { escapeCharacter } = this.#options;
    const output = new Output();
    while (this.#at < this.#text.length) {
      const character = this.#take();
      if (character === '"') return output.text();
      if (character === '$') output.add(this.#dollar(), true);
      else if (character !== escapeCharacter) output.add(character, true);
      else if (['"', '$', escapeCharacter].includes(this.#text[this.#at] ?? ''))
        output.add(this.#take(), true);
      else output.add(escapeCharacter, true);
    }
    throw new ExpansionFault('a double quote (") has no end');
  }

  #dollar(): string {
    if (this.#text[this.#at] !== '{') {
      const name = this.#name();
      return name === '' ? '$' : this.#valueOf(name);
    }
    this.#at += 1;
    this.#depth += 1;
    if (this.#depth > maxDepth)
      throw new ExpansionFault(`variables are nested more than ${maxDepth} deep`);
    const value = this.#braced();
    this.#depth -= 1;
    return value;
  }

  #braced(): string {
    const name = this.#name();
    if (name === '')
      throw new ExpansionFault(
        this.#at < this.#text.length ? 'bad substitution' : '"}" is missing',
      );
    const modifier = this.#take();
    if (modifier === '}') return this.#valueOf(name);
    if (modifier === '') throw new ExpansionFault(`"}" is missing behind "\${${name}"`);
    if (modifier === ':') return this.#conditional(name, this.#take(), true);
    if (modifier === '/') return this.#replaced(name);
    if (modifier === '#' || modifier === '%') return this.#trimmed(name, modifier);
    return this.#conditional(name, modifier, false);
  }

  #conditional(name: string, modifier: string, emptyIsUnset: boolean): string {
    if (!['-', '+', '?'].includes(modifier)) {
      const shown = `${emptyIsUnset ? ':' : ''}${modifier}`;
      throw new ExpansionFault(`\${${name}${shown}...}: there is no modifier ${shown}`);
    }
    const word = this.#until('}', false).text();
    const value = this.#options.lookup(name);
    const isSet = value !== undefined && !(emptyIsUnset && value === '');
    if (modifier === '+') return isSet ? word : '';
    if (isSet) return value;
    if (modifier === '-') return word;
    throw new ExpansionFault(
      `${name}: ${word === '' ? (value === undefined ? 'is not set' : 'is empty') : word}`,
    );
  }

  #trimmed(name: string, modifier: '#' | '%'): string {
    const longest = this.#text[this.#at] === modifier;
    if (longest) this.#at += 1;
    const pattern = this.#until('}', true).text();
    const { escapeCharacter } = this.#options;
    const end = modifier === '#' ? 'beginning' : 'end';
    const how: Trimming = { pattern, end, longest, escapeCharacter };
    return trimMatch(this.#valueOf(name), how, this.#budget);
  }

  #replaced(name: string): string {
    const all = this.#text[this.#at] === '/';
    if (all) this.#at += 1;
    const pattern = this.#until('/', true).text();
    const replacement = this.#until('}', true).text();
    const { escapeCharacter } = this.#options;
    return replaceMatches(
      this.#valueOf(name),
      { pattern, replacement, all, escapeCharacter },
      this.#budget,
    );
  }

  #valueOf(name: string): string {
    return this.#options.lookup(name) ?? '';
  }

  /** Letters, digits and `_`, only digits behind a digit, or one special character. */
  #name(): string {
    const pattern = /[0-9]+|[\p{L}_][\p{L}\p{Nd}_]*|[@*#?!$-]/uy;
    pattern.lastIndex = this.#at;
    const name = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += name.length;
    return name;
  }

  #take(): string {
    const character = this.#text[this.#at] ?? '';
    this.#at += 1;
    return character;
  }
}
