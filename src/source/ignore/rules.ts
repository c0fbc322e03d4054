/**
 * What is left out of a source: the rules as plain data that can cross to another process, and the pure
 * matcher made of them. Paths are relative to the root of the source and match as whole paths, so no
 * rule can reach outside.
 */

import { type ByteString, bufferOf } from '../../model/index.ts';
import { type LinearRegexp, parseRegexp } from '../regexp/index.ts';
import { compilePathPattern, type PathPattern } from './glob.ts';
import type { IgnoreFile } from './parse.ts';

/** The default of `--exclude`: git's own directory. */
export const defaultExclude = '(^|/)\\.git(/|$)';

/** Everything that decides what is left out; plain data. */
export interface IgnoreRules {
  readonly file?: Pick<IgnoreFile, 'syntax' | 'patterns'>;
  /** A regular expression over relative paths; the empty string excludes nothing. */
  readonly exclude: string;
  /** Files that went to another place, by their whole paths. */
  readonly moved?: readonly string[];
}

/** Decides about paths relative to the root of the source, without leading or trailing slash. */
export interface IgnoreMatcher {
  /** Tells whether an entry is left out. A directory that is left out may hold entries that are not: see `prunes`. */
  ignores(path: ByteString, isDirectory: boolean): boolean;
  /** Tells whether a directory that is left out can be skipped with all that is in it. */
  prunes(directory: ByteString): boolean;
}

/**
 * Makes the matcher. Each question takes time linear in path length times patterns with wildcards.
 *
 * @throws BuildError `USAGE_INVALID` for a malformed `exclude`
 */
export function compileIgnore(rules: IgnoreRules): IgnoreMatcher {
  const exclude = rules.exclude === '' ? undefined : parseRegexp(rules.exclude, '--exclude');
  return new RulesMatcher(new PatternList(rules.file), exclude, new Set(rules.moved));
}

class RulesMatcher implements IgnoreMatcher {
  readonly #patterns: PatternList;
  readonly #exclude: LinearRegexp | undefined;
  readonly #moved: ReadonlySet<string>;
  readonly #excludedDirectories = new Memory<boolean>();

  constructor(
    patterns: PatternList,
    exclude: LinearRegexp | undefined,
    moved: ReadonlySet<string>,
  ) {
    this.#patterns = patterns;
    this.#exclude = exclude;
    this.#moved = moved;
  }

  ignores(path: ByteString, _isDirectory: boolean): boolean {
    const text = textOf(path);
    return this.#moved.has(text) || this.#excluded(text) || this.#patterns.ignores(text);
  }

  prunes(directory: ByteString): boolean {
    const text = textOf(directory);
    if (this.#excluded(text)) return true;
    return this.#patterns.ignores(text) && !this.#patterns.canReinclude;
  }

  /** Everything below an excluded directory is excluded with it. */
  #excluded(text: string): boolean {
    const exclude = this.#exclude;
    if (exclude === undefined) return false;
    const test = (path: string): boolean => exclude.test(path);
    return (
      test(text) || parentsOf(text).some((parent) => this.#excludedDirectories.of(parent, test))
    );
  }
}

/** Answers about directories, which every path below them asks for again. */
class Memory<T> {
  readonly #answers = new Map<string, T>();

  of(directory: string, answer: (directory: string) => T): T {
    const known = this.#answers.get(directory);
    if (known !== undefined) return known;
    if (this.#answers.size >= 10_000) this.#answers.clear();
    const fresh = answer(directory);
    this.#answers.set(directory, fresh);
    return fresh;
  }
}

interface Decision {
  /** Place of the pattern in the file. */
  readonly index: number;
  readonly negated: boolean;
}

const undecided: Decision = { index: -1, negated: true };

/** Patterns without wildcards are looked up; the others are tried from the last, which decides. */
class PatternList {
  readonly #literals = new Map<string, Decision>();
  readonly #wild: readonly (Decision & { readonly pattern: PathPattern })[];
  readonly #syntax: IgnoreFile['syntax'];
  readonly #directories = new Memory<Decision>();
  /** Whether an entry of an ignored directory can be wanted: only in the format of `.dockerignore`. */
  readonly canReinclude: boolean;

  constructor(file: IgnoreRules['file']) {
    this.#syntax = file?.syntax ?? 's2i';
    const patterns = file?.patterns ?? [];
    this.canReinclude = this.#syntax === 'dockerignore' && patterns.some(({ negated }) => negated);
    const wild: (Decision & { readonly pattern: PathPattern })[] = [];
    for (const [index, { pattern: text, negated }] of patterns.entries()) {
      const pattern = compilePathPattern(text, this.#syntax === 'dockerignore');
      if (pattern === undefined) continue;
      if (pattern.literal === undefined) wild.push({ index, negated, pattern });
      else this.#literals.set(pattern.literal, { index, negated });
    }
    this.#wild = wild.reverse();
  }

  ignores(path: string): boolean {
    if (this.#literals.size === 0 && this.#wild.length === 0) return false;
    const decide = (prefix: string): Decision => this.#lastMatch(prefix);
    const decisions = parentsOf(path).map((parent) => this.#directories.of(parent, decide));
    decisions.push(decide(path));
    if (this.#syntax === 's2i') return decisions.some(({ negated }) => !negated);
    return !decisions.reduce((a, b) => (b.index > a.index ? b : a)).negated;
  }

  #lastMatch(path: string): Decision {
    const literal = this.#literals.get(path) ?? undecided;
    for (const candidate of this.#wild) {
      if (candidate.index < literal.index) break;
      if (candidate.pattern.matches(path)) return candidate;
    }
    return literal;
  }
}

/** The directories that a path lies in, outermost first. */
function parentsOf(path: string): string[] {
  const result: string[] = [];
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1))
    result.push(path.slice(0, at));
  return result;
}

/** Names as characters where they are UTF-8, else byte by byte. */
function textOf(path: ByteString): string {
  const bytes = bufferOf(path);
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') && !Buffer.from(text, 'utf8').equals(bytes) ? path : text;
}
