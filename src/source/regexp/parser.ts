/**
 * Reads regular expressions in the syntax of RE2, which source-to-image's `--exclude` has (Go, package
 * regexp/syntax). Left out: named Unicode classes (`\pL`) and `\Q...\E`. Back references and look-around do not exist there either.
 */

import { ClassReader } from './classes.ts';
import type { PatternNode } from './node.ts';
import { PatternSyntaxError, type Scanner } from './scanner.ts';

const maxDepth = 200;
const maxRepeat = 1000;

interface Flags {
  readonly ignoreCase: boolean;
  readonly dotAll: boolean;
  readonly multiline: boolean;
}

/** A parser of one expression. */
export class RegexpParser {
  readonly #scan: Scanner;
  readonly #classes: ClassReader;
  #flags: Flags = { ignoreCase: false, dotAll: false, multiline: false };

  constructor(scan: Scanner) {
    this.#scan = scan;
    this.#classes = new ClassReader(scan);
  }

  /**
   * Reads the whole expression.
   *
   * @throws PatternSyntaxError
   */
  parse(): PatternNode {
    const node = this.#choice(0);
    if (!this.#scan.done) throw new PatternSyntaxError('it has a ")" without "("');
    return node;
  }

  #choice(depth: number): PatternNode {
    if (depth > maxDepth) throw new PatternSyntaxError('it is nested too deeply');
    const items = [this.#sequence(depth)];
    while (this.#scan.take('|')) items.push(this.#sequence(depth));
    return items.length === 1 ? (items[0] as PatternNode) : { kind: 'choice', items };
  }

  #sequence(depth: number): PatternNode {
    const items: PatternNode[] = [];
    while (!this.#scan.done && !this.#scan.sees('|') && !this.#scan.sees(')')) {
      items.push(this.#quantified(depth));
    }
    return { kind: 'sequence', items };
  }

  #quantified(depth: number): PatternNode {
    const item = this.#atom(depth);
    const range = this.#quantifier();
    if (range === undefined) return item;
    this.#scan.take('?'); // lazy or not: only whether it matches counts here
    if (this.#quantifier() !== undefined) throw new PatternSyntaxError('it has nested quantifiers');
    return { kind: 'repeat', item, ...range };
  }

  #quantifier(): { min: number; max: number | undefined } | undefined {
    if (this.#scan.take('*')) return { min: 0, max: undefined };
    if (this.#scan.take('+')) return { min: 1, max: undefined };
    if (this.#scan.take('?')) return { min: 0, max: 1 };
    const counted = this.#scan.takeMatch(/\{(\d{1,5})(?:(,)(\d{0,5}))?\}/y);
    if (counted === undefined) return undefined;
    const min = Number(counted[1]);
    const max = counted[2] === undefined ? min : counted[3] === '' ? undefined : Number(counted[3]);
    if (min > maxRepeat || (max ?? 0) > maxRepeat || (max !== undefined && max < min))
      throw new PatternSyntaxError('it has an invalid repeat count');
    return { min, max };
  }

  #atom(depth: number): PatternNode {
    if (this.#scan.take('(')) return this.#group(depth);
    if (this.#scan.take('[')) return this.#classes.bracket(this.#flags.ignoreCase);
    if (this.#scan.take('.'))
      return { kind: 'set', set: { ranges: this.#flags.dotAll ? [] : [10, 10], negated: true } };
    const { multiline } = this.#flags;
    if (this.#scan.take('^'))
      return { kind: 'assert', assertion: multiline ? 'line-start' : 'start' };
    if (this.#scan.take('$')) return { kind: 'assert', assertion: multiline ? 'line-end' : 'end' };
    if (this.#scan.take('\\')) return this.#classes.escape(this.#flags.ignoreCase);
    if (/[*+?]/.test(this.#scan.peek()))
      throw new PatternSyntaxError(`it has nothing before "${this.#scan.peek()}"`);
    return this.#classes.character(this.#scan.next(), this.#flags.ignoreCase);
  }

  #group(depth: number): PatternNode {
    const outer = this.#flags;
    if (this.#scan.take('?') && this.#scan.takeMatch(/P?<[A-Za-z0-9_]+>/y) === undefined) {
      const ends = this.#readFlags();
      if (ends === ')') return { kind: 'sequence', items: [] };
    }
    const node = this.#choice(depth + 1);
    if (!this.#scan.take(')')) throw new PatternSyntaxError('it has a "(" without ")"');
    this.#flags = outer;
    return node;
  }

  /** Reads `i`, `-s` ... up to `:` or `)`; a group of flags alone holds to the end of its surroundings. */
  #readFlags(): string {
    const match = this.#scan.takeMatch(/([imsU]*)(?:-([imsU]+))?([:)])/y);
    if (match === undefined) throw new PatternSyntaxError('it has an unknown kind of group');
    const [, on = '', off = '', end = ''] = match;
    const value = (flag: string, before: boolean): boolean =>
      (before || on.includes(flag)) && !off.includes(flag);
    this.#flags = {
      ignoreCase: value('i', this.#flags.ignoreCase),
      dotAll: value('s', this.#flags.dotAll),
      multiline: value('m', this.#flags.multiline),
    };
    return end;
  }
}
