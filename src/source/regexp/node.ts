/** The tree between a pattern's text and its automaton, and the way from one to the other. */

import type { Assertion, CodePointSet, Instruction, Program } from './program.ts';

/** A pattern as a tree. */
export type PatternNode =
  | { readonly kind: 'set'; readonly set: CodePointSet }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly items: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly items: readonly PatternNode[] }
  | {
      readonly kind: 'repeat';
      readonly item: PatternNode;
      readonly min: number;
      /** Undefined for no upper limit. */
      readonly max: number | undefined;
    };

/** Thrown when an automaton would get more steps than {@link compile} may make. */
export class PatternTooLarge extends Error {}

/** A node that accepts exactly one character. */
export function literal(character: string): PatternNode {
  const codePoint = character.codePointAt(0) as number;
  return { kind: 'set', set: { ranges: [codePoint, codePoint], negated: false } };
}

/** A node that accepts any one character except those listed. */
export function anyExcept(characters: string): PatternNode {
  const ranges = [...characters].flatMap((character) => {
    const codePoint = character.codePointAt(0) as number;
    return [codePoint, codePoint];
  });
  return { kind: 'set', set: { ranges, negated: true } };
}

/** A node that accepts any number of repetitions of another. */
export function star(item: PatternNode): PatternNode {
  return { kind: 'repeat', item, min: 0, max: undefined };
}

/**
 * Makes an automaton of at most `maxSteps` steps.
 *
 * @throws PatternTooLarge
 */
export function compile(node: PatternNode, maxSteps: number): Program {
  const instructions: Instruction[] = [];
  const add = (instruction: Instruction): number => {
    if (instructions.length >= maxSteps) throw new PatternTooLarge();
    return instructions.push(instruction) - 1;
  };
  const accept = add({ op: 'accept' });
  return { start: emit(node, accept, add, instructions), instructions };
}

type Add = (instruction: Instruction) => number;

/** Emits backwards: returns the step at which `node` begins when `next` follows it. */
function emit(node: PatternNode, next: number, add: Add, all: Instruction[]): number {
  switch (node.kind) {
    case 'set':
      return add({ op: 'consume', set: node.set, next });
    case 'assert':
      return add({ op: 'assert', assertion: node.assertion, next });
    case 'sequence':
      return node.items.reduceRight((after, item) => emit(item, after, add, all), next);
    case 'choice':
      return node.items
        .map((item) => emit(item, next, add, all))
        .reduceRight((other, first) => add({ op: 'split', next: first, other }));
    default:
      return emitRepeat(node, next, add, all);
  }
}

function emitRepeat(
  node: Extract<PatternNode, { kind: 'repeat' }>,
  next: number,
  add: Add,
  all: Instruction[],
): number {
  let at = next;
  if (node.max === undefined) {
    const loop = add({ op: 'split', next, other: next });
    all[loop] = { op: 'split', next: emit(node.item, loop, add, all), other: next };
    at = loop;
  } else {
    for (let count = node.min; count < node.max; count += 1) {
      at = add({ op: 'split', next: emit(node.item, at, add, all), other: next });
    }
  }
  for (let count = 0; count < node.min; count += 1) {
    const before = at;
    at = emit(node.item, before, add, all);
    if (at === before) break; // an empty item: repeating it any number of times adds nothing
  }
  return at;
}
