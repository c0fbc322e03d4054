/** Character classes and escapes of RE2's syntax. */

import type { PatternNode } from './node.ts';
import type { CodePointSet } from './program.ts';
import { PatternSyntaxError, type Scanner } from './scanner.ts';

const lastCodePoint = 0x10ffff;

const digits = [0x30, 0x39];
const words = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
const spaces = [0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20];

const perl: Readonly<Record<string, readonly number[]>> = { d: digits, w: words, s: spaces };

const posix: Readonly<Record<string, readonly number[]>> = {
  alnum: [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a],
  alpha: [0x41, 0x5a, 0x61, 0x7a],
  ascii: [0x00, 0x7f],
  blank: [0x09, 0x09, 0x20, 0x20],
  cntrl: [0x00, 0x1f, 0x7f, 0x7f],
  digit: digits,
  graph: [0x21, 0x7e],
  lower: [0x61, 0x7a],
  print: [0x20, 0x7e],
  punct: [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e],
  space: [0x09, 0x0d, 0x20, 0x20],
  upper: [0x41, 0x5a],
  word: words,
  xdigit: [0x30, 0x39, 0x41, 0x46, 0x61, 0x66],
};

const controls: Readonly<Record<string, string>> = {
  a: '\u0007',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Reads classes and escapes behind their first character. */
export class ClassReader {
  readonly #scan: Scanner;

  constructor(scan: Scanner) {
    this.#scan = scan;
  }

  /** A single character, in both letter cases if wanted. */
  character(character: string, ignoreCase: boolean): PatternNode {
    const codePoint = character.codePointAt(0) as number;
    return set(withCases([codePoint, codePoint], ignoreCase), false);
  }

  /** What follows a backslash outside of brackets. */
  escape(ignoreCase: boolean): PatternNode {
    if (this.#scan.take('b')) return { kind: 'assert', assertion: 'word' };
    if (this.#scan.take('B')) return { kind: 'assert', assertion: 'not-word' };
    if (this.#scan.take('A')) return { kind: 'assert', assertion: 'start' };
    if (this.#scan.take('z')) return { kind: 'assert', assertion: 'end' };
    const named = this.#perlClass();
    if (named !== undefined) return { kind: 'set', set: named };
    return this.character(this.#escapedCharacter(), ignoreCase);
  }

  /** What follows `[`. */
  bracket(ignoreCase: boolean): PatternNode {
    const negated = this.#scan.take('^');
    const ranges: number[] = [];
    do ranges.push(...this.#member());
    while (!this.#scan.sees(']') && !this.#scan.done);
    if (!this.#scan.take(']')) throw new PatternSyntaxError('it has a "[" without "]"');
    return set(withCases(ranges, ignoreCase), negated);
  }

  #member(): readonly number[] {
    const named = this.#scan.takeMatch(/\[:(\^?)([a-z]+):\]/y);
    if (named !== undefined) {
      const ranges = Object.hasOwn(posix, named[2] ?? '') ? posix[named[2] ?? ''] : undefined;
      if (ranges === undefined) throw new PatternSyntaxError('it names an unknown class');
      return named[1] === '^' ? complement(ranges) : ranges;
    }
    if (this.#scan.sees('\\')) {
      this.#scan.next();
      const perlSet = this.#perlClass();
      if (perlSet !== undefined)
        return perlSet.negated ? complement(perlSet.ranges) : perlSet.ranges;
      return this.#range(this.#escapedCharacter());
    }
    return this.#range(this.#scan.next());
  }

  #range(first: string): readonly number[] {
    const from = first.codePointAt(0) as number;
    if (!this.#scan.sees('-') || this.#scan.sees('-]')) return [from, from];
    this.#scan.next();
    const last = this.#scan.take('\\') ? this.#escapedCharacter() : this.#scan.next();
    const to = last.codePointAt(0) as number;
    if (to < from) throw new PatternSyntaxError('it has a range that runs backwards');
    return [from, to];
  }

  #perlClass(): CodePointSet | undefined {
    const match = this.#scan.takeMatch(/[dDsSwW]/y);
    if (match === undefined) return undefined;
    const ranges = perl[match[0].toLowerCase()] ?? [];
    return { ranges, negated: match[0] !== match[0].toLowerCase() };
  }

  #escapedCharacter(): string {
    const hex = this.#scan.takeMatch(/x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})/y);
    if (hex !== undefined) {
      const codePoint = Number.parseInt(hex[1] ?? hex[2] ?? '', 16);
      if (codePoint > lastCodePoint) throw new PatternSyntaxError('it has an invalid code point');
      return String.fromCodePoint(codePoint);
    }
    const character = this.#scan.next();
    const control = Object.hasOwn(controls, character) ? controls[character] : undefined;
    if (control !== undefined) return control;
    if (/[A-Za-z0-9]/.test(character))
      throw new PatternSyntaxError(`it has the unknown escape "\\${character}"`);
    return character;
  }
}

function set(ranges: readonly number[], negated: boolean): PatternNode {
  return { kind: 'set', set: { ranges, negated } };
}

/** Adds the other letter case of the ASCII letters within the ranges. */
function withCases(ranges: readonly number[], ignoreCase: boolean): readonly number[] {
  if (!ignoreCase) return ranges;
  const more: number[] = [];
  for (let index = 0; index < ranges.length; index += 2) {
    const [from, to] = [ranges[index] as number, ranges[index + 1] as number];
    addShifted(more, from, to, [0x41, 0x5a], 0x20);
    addShifted(more, from, to, [0x61, 0x7a], -0x20);
  }
  return [...ranges, ...more];
}

function addShifted(
  into: number[],
  from: number,
  to: number,
  letters: readonly [number, number],
  shift: number,
): void {
  const [first, last] = [Math.max(from, letters[0]), Math.min(to, letters[1])];
  if (first <= last) into.push(first + shift, last + shift);
}

function complement(ranges: readonly number[]): readonly number[] {
  const result: number[] = [];
  let from = 0;
  const pairs: [number, number][] = [];
  for (let index = 0; index < ranges.length; index += 2)
    pairs.push([ranges[index] as number, ranges[index + 1] as number]);
  for (const [first, last] of pairs.toSorted((a, b) => a[0] - b[0])) {
    if (first > from) result.push(from, first - 1);
    from = Math.max(from, last + 1);
  }
  if (from <= lastCodePoint) result.push(from, lastCodePoint);
  return result;
}
