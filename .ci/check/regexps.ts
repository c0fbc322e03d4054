/**
 * Regular expressions of src: a quantifier that can repeat without bound inside one that can is flagged,
 * since two nested ones are what makes matching exponential. A literal that is proven to be linear all the
 * same carries the comment `linear:` with the reason on its own or the preceding line.
 */

import ts from 'typescript';
import type { Check } from './check.ts';
import { placeOf, type SourceUnit, walkTree } from './project.ts';

/** Flags regular expressions with nested quantifiers. */
export const regexpsCheck: Check = {
  name: 'regexps',
  run({ sources }) {
    const found = sources.flatMap(regexpsOf);
    return {
      summary: `${found.length} regular expressions`,
      problems: found
        .filter(({ pattern, excused }) => hasNestedQuantifiers(pattern) && !excused)
        .map(({ place, pattern }) => `${place}: nested quantifiers in /${pattern}/`),
    };
  },
};

/** A regular expression in the source. */
interface FoundRegexp {
  readonly place: string;
  readonly pattern: string;
  readonly excused: boolean;
}

function regexpsOf(unit: SourceUnit): readonly FoundRegexp[] {
  const found: FoundRegexp[] = [];
  walkTree(unit.tree, (node) => {
    const pattern = patternOf(node);
    if (pattern === undefined) return;
    found.push({ place: placeOf(unit, node), pattern, excused: isExcused(unit, node) });
  });
  return found;
}

function patternOf(node: ts.Node): string | undefined {
  if (ts.isRegularExpressionLiteral(node)) return node.text.slice(1, node.text.lastIndexOf('/'));
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'RegExp') return undefined;
  const argument = node.arguments?.[0];
  return argument !== undefined && ts.isStringLiteralLike(argument) ? argument.text : undefined;
}

function isExcused({ text, tree }: SourceUnit, node: ts.Node): boolean {
  const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
  return text
    .split('\n')
    .slice(Math.max(0, line - 1), line + 1)
    .some((one) => one.includes('linear:'));
}

/** A group that is open while a pattern is read. */
interface Group {
  readonly start: number;
  repeats: boolean;
}

/**
 * Tells whether a group that repeats without bound holds something that repeats without bound. A group that
 * begins with a separator that its own repetitions cannot match, such as `(?:,[a-z]+)*`, is linear.
 */
export function hasNestedQuantifiers(pattern: string): boolean {
  const groups: Group[] = [{ start: 0, repeats: false }];
  for (const { 0: token, index } of pattern.matchAll(tokens)) {
    if (token === '(') {
      groups.push({ start: index, repeats: false });
      continue;
    }
    const closed = token === ')' ? groups.pop() : undefined;
    const outer = isUnbounded(pattern, index + token.length);
    const inner = closed?.repeats ?? false;
    if (inner && outer && !isSeparated(pattern.slice((closed?.start ?? 0) + 1, index))) return true;
    const around = groups.at(-1);
    if (around !== undefined) around.repeats ||= inner || outer;
  }
  return false;
}

/** An escape, a character class, or one character. */
const tokens = /\\.|\[(?:\\.|[^\]\\])*\]|./gs;

/** A group of flat parts whose first is one character that none of the others can match. */
function isSeparated(content: string): boolean {
  const parts = [...content.replace(/^\?(?::|<\w+>)/, '').matchAll(tokens)].map(([part]) => part);
  const [separator = '', next = '', ...rest] = parts;
  const literal = separator.replace(/^\\(?=\W)/, '');
  if (literal.length !== 1 || /^[()|.^$*+?{]$/.test(separator) || /[*+?{]/.test(next)) return false;
  return [next, ...rest].every((part) => {
    if ('()|'.includes(part)) return false;
    return /^[*+?{}\d,]$/.test(part) || !new RegExp(`^${part}$`, 's').test(literal);
  });
}

/** `*`, `+`, `{2,}` and bounds above 1000 count as unbounded. */
function isUnbounded(pattern: string, at: number): boolean {
  if (pattern[at] === '*' || pattern[at] === '+') return true;
  const bounds = /^\{\d*(,)?(\d*)\}/.exec(pattern.slice(at, at + 24));
  if (bounds === null || bounds[1] === undefined) return false;
  return bounds[2] === '' || Number(bounds[2]) > 1000;
}
