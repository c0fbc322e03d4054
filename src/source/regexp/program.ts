/**
 * Patterns as small automata, run by following all their threads at once (Thompson, 1968).
 *
 * Matching takes time linear in the text whatever the pattern; there is no backtracking, so neither a
 * user's `--exclude` nor an ignore file out of a repository can make a build hang.
 */

/** A set of code points: sorted pairs of first and last, possibly negated. */
export interface CodePointSet {
  readonly ranges: readonly number[];
  readonly negated: boolean;
}

/** What must hold between two characters. */
export type Assertion = 'start' | 'end' | 'line-start' | 'line-end' | 'word' | 'not-word';

/** One step of an automaton; `next` and `other` are indices of steps. */
export type Instruction =
  | { readonly op: 'consume'; readonly set: CodePointSet; readonly next: number }
  | { readonly op: 'assert'; readonly assertion: Assertion; readonly next: number }
  | { readonly op: 'split'; readonly next: number; readonly other: number }
  | { readonly op: 'accept' };

/** An automaton; it begins at step `start`. */
export interface Program {
  readonly instructions: readonly Instruction[];
  readonly start: number;
}

/** Tells whether the automaton accepts some part of the text. */
export function search(program: Program, text: string): boolean {
  return new Simulation(program, text, false).run();
}

/** Tells whether the automaton accepts the whole text. */
export function matchWhole(program: Program, text: string): boolean {
  return new Simulation(program, text, true).run();
}

class Simulation {
  readonly #program: Program;
  readonly #text: string;
  readonly #whole: boolean;
  readonly #seen: Uint32Array;
  readonly #pending: number[] = [];
  #generation = 0;

  constructor(program: Program, text: string, whole: boolean) {
    this.#program = program;
    this.#text = text;
    this.#whole = whole;
    this.#seen = new Uint32Array(program.instructions.length);
  }

  run(): boolean {
    let threads: number[] = [];
    this.#generation = 1;
    if (this.#follow(this.#program.start, 0, threads)) return true;
    for (let at = 0; at < this.#text.length; ) {
      if (threads.length === 0 && this.#whole) return false;
      const codePoint = this.#text.codePointAt(at) as number;
      at += codePoint > 0xffff ? 2 : 1;
      const next: number[] = [];
      this.#generation += 1;
      if (this.#step(threads, codePoint, at, next)) return true;
      if (!this.#whole && this.#follow(this.#program.start, at, next)) return true;
      threads = next;
    }
    return false;
  }

  #step(threads: readonly number[], codePoint: number, at: number, next: number[]): boolean {
    for (const thread of threads) {
      const instruction = this.#program.instructions[thread];
      if (instruction?.op !== 'consume' || !contains(instruction.set, codePoint)) continue;
      if (this.#follow(instruction.next, at, next)) return true;
    }
    return false;
  }

  /** Adds the consuming steps reachable without a character; true when that accepts. */
  #follow(from: number, at: number, threads: number[]): boolean {
    const pending = this.#pending;
    pending.push(from);
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      if (this.#seen[index] === this.#generation) continue;
      this.#seen[index] = this.#generation;
      const instruction = this.#program.instructions[index] as Instruction;
      if (instruction.op === 'accept') {
        if (!this.#whole || at === this.#text.length) return true;
      } else if (instruction.op === 'consume') threads.push(index);
      else if (instruction.op === 'split') pending.push(instruction.other, instruction.next);
      else if (holds(instruction.assertion, this.#text, at)) pending.push(instruction.next);
    }
    return false;
  }
}

/** Tells whether a set holds a code point. */
export function contains(set: CodePointSet, codePoint: number): boolean {
  const { ranges } = set;
  for (let index = 0; index < ranges.length; index += 2) {
    if (codePoint >= (ranges[index] as number) && codePoint <= (ranges[index + 1] as number))
      return !set.negated;
  }
  return set.negated;
}

function holds(assertion: Assertion, text: string, at: number): boolean {
  switch (assertion) {
    case 'start':
      return at === 0;
    case 'end':
      return at === text.length;
    case 'line-start':
      return at === 0 || text[at - 1] === '\n';
    case 'line-end':
      return at === text.length || text[at] === '\n';
    default:
      return (isWord(text[at - 1]) !== isWord(text[at])) === (assertion === 'word');
  }
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /^[0-9A-Za-z_]$/.test(character);
}
