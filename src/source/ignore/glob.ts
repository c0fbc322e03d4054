/**
 * Path patterns as automata: the wildcards of Go's `filepath.Match`, which both ignore-file formats are
 * built on, and `**` where the format has it.
 *
 * `*` and `?` never match a `/`; `[...]` takes ranges and `^` for negation; a backslash takes the next
 * character as it is; names that begin with a dot are nothing special.
 */

import {
  anyExcept,
  compile,
  literal,
  type PatternNode,
  PatternTooLarge,
  star,
} from '../regexp/node.ts';
import { matchWhole, type Program } from '../regexp/program.ts';

/** A compiled path pattern. */
export interface PathPattern {
  /** The path itself when the pattern has no wildcards. */
  readonly literal?: string;
  /** Tells whether the pattern matches a whole path. */
  matches(path: string): boolean;
}

const maxSteps = 20_000;
const notSlash = anyExcept('/');
const anything = anyExcept('');

/**
 * Compiles a cleaned, relative pattern; returns undefined when it is malformed, such as `[a`.
 *
 * @param recursive whether `**` matches across directories
 */
export function compilePathPattern(text: string, recursive: boolean): PathPattern | undefined {
  if (!hasWildcards(text)) return { literal: text, matches: (path) => path === text };
  const items = new GlobReader(text, recursive).read();
  if (items === undefined) return undefined;
  const plain = literalOf(items);
  if (plain !== undefined) return { literal: plain, matches: (path) => path === plain };
  const program = programOf(items);
  return program && { matches: (path) => matchWhole(program, path) };
}

/** Tells whether a pattern holds a character that does not stand for itself. */
export function hasWildcards(text: string): boolean {
  return /[*?[\\]/.test(text);
}

function programOf(items: readonly PatternNode[]): Program | undefined {
  try {
    return compile({ kind: 'sequence', items }, maxSteps);
  } catch (error) {
    if (error instanceof PatternTooLarge) return undefined;
    throw error;
  }
}

function literalOf(items: readonly PatternNode[]): string | undefined {
  let text = '';
  for (const item of items) {
    const single = item.kind === 'set' && !item.set.negated && item.set.ranges.length === 2;
    if (!single || item.set.ranges[0] !== item.set.ranges[1]) return undefined;
    text += String.fromCodePoint(item.set.ranges[0] as number);
  }
  return text;
}

class GlobReader {
  readonly #characters: readonly string[];
  readonly #recursive: boolean;
  #at = 0;

  constructor(text: string, recursive: boolean) {
    this.#characters = [...text];
    this.#recursive = recursive;
  }

  read(): readonly PatternNode[] | undefined {
    const items: PatternNode[] = [];
    while (this.#at < this.#characters.length) {
      const item = this.#item();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #item(): PatternNode | undefined {
    const character = this.#next();
    if (character === '*') return this.#star();
    if (character === '?') return notSlash;
    if (character === '[') return this.#class();
    if (character === '\\')
      return this.#at < this.#characters.length ? literal(this.#next()) : undefined;
    return literal(character);
  }

  /** With recursion `**`, and a `/` behind it, stand for any number of whole directories, also none; at the end for anything. */
  #star(): PatternNode {
    if (!this.#recursive || this.#characters[this.#at] !== '*') return star(notSlash);
    this.#at += 1;
    if (this.#characters[this.#at] === '/') this.#at += 1;
    if (this.#at >= this.#characters.length) return star(anything);
    const directories: PatternNode = { kind: 'sequence', items: [star(anything), literal('/')] };
    return { kind: 'repeat', item: directories, min: 0, max: 1 };
  }

  #class(): PatternNode | undefined {
    const negated = this.#characters[this.#at] === '^';
    if (negated) this.#at += 1;
    const ranges: number[] = [];
    while (this.#characters[this.#at] !== ']' || ranges.length === 0) {
      const from = this.#classCharacter();
      const to = this.#takeDash() ? this.#classCharacter() : from;
      if (from === undefined || to === undefined) return undefined;
      ranges.push(from, to);
    }
    this.#at += 1;
    return { kind: 'set', set: { ranges: negated ? [...ranges, 0x2f, 0x2f] : ranges, negated } };
  }

  #classCharacter(): number | undefined {
    let character = this.#characters[this.#at];
    if (character === undefined || character === '-' || character === ']') return undefined;
    this.#at += 1;
    if (character === '\\') {
      character = this.#characters[this.#at];
      this.#at += 1;
    }
    return character?.codePointAt(0);
  }

  #takeDash(): boolean {
    if (this.#characters[this.#at] !== '-') return false;
    this.#at += 1;
    return true;
  }

  #next(): string {
    const character = this.#characters[this.#at] ?? '';
    this.#at += 1;
    return character;
  }
}
