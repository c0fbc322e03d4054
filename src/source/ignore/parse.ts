/**
 * Reads the lines of an ignore file into patterns. See the README of `source/` for the two formats.
 */

import { normalize } from 'node:path/posix';
import { BuildError } from '../../errors/index.ts';
import { compilePathPattern, hasWildcards } from './glob.ts';

/** How the lines of an ignore file are understood. */
export type IgnoreSyntax = 's2i' | 'dockerignore';

/** One line of an ignore file: plain data. */
export interface IgnorePattern {
  /** Relative to the root of the source, cleaned; never holds `..`. */
  readonly pattern: string;
  /** Takes back what earlier lines ignored. */
  readonly negated: boolean;
}

/** A parsed ignore file: plain data. */
export interface IgnoreFile {
  readonly syntax: IgnoreSyntax;
  readonly patterns: readonly IgnorePattern[];
  /** Lines that have no effect or probably not the wanted one, for the user. */
  readonly warnings: readonly string[];
}

/** The most bytes of an ignore file that are read. */
export const maxIgnoreFileSize = 16 * 1024 * 1024;

const maxWildcardCharacters = 64 * 1024;
const directive = /^#\s*syntax\s*[=:]\s*dockerignore\s*$/;

/**
 * Parses an ignore file. A first line `# syntax=dockerignore` switches an `.s2iignore` to that format.
 *
 * @throws BuildError `LIMIT_EXCEEDED`
 */
export function parseIgnoreFile(text: string, name: string, syntax: IgnoreSyntax): IgnoreFile {
  const lines = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => line.trim());
  const chosen = directive.test(lines[0] ?? '') ? 'dockerignore' : syntax;
  const warnings: string[] = [];
  // Only the last of equal patterns counts: whatever stood between them is overruled by it.
  const patterns = new Map<string, boolean>();
  for (const [index, line] of lines.entries()) {
    const problem = readLine(line, chosen, patterns);
    if (problem !== undefined) warnings.push(`${name}, line ${index + 1}: ${problem}`);
  }
  const result = Array.from(patterns, ([pattern, negated]) => ({ pattern, negated }));
  limitWildcards(result, name);
  return { syntax: chosen, patterns: result, warnings: summary(warnings) };
}

/** Matching costs time in proportion to the patterns that are no plain paths. */
function limitWildcards(patterns: readonly IgnorePattern[], name: string): void {
  const characters = patterns
    .filter(({ pattern }) => hasWildcards(pattern))
    .reduce((sum, { pattern }) => sum + pattern.length, 0);
  if (characters <= maxWildcardCharacters) return;
  throw new BuildError(
    'LIMIT_EXCEEDED',
    `${name} has more than ${maxWildcardCharacters} characters of patterns with wildcards`,
    { origin: 'source', suggestion: 'name whole directories instead of single files' },
  );
}

function readLine(
  line: string,
  syntax: IgnoreSyntax,
  patterns: Map<string, boolean>,
): string | undefined {
  if (line === '' || line.startsWith('#')) return undefined;
  const negated = line.startsWith('!');
  const pattern = clean(negated ? line.slice(1).trim() : line);
  if (pattern === undefined) return 'it points outside of the source and has no effect';
  if (pattern === '') return 'it names the source itself and has no effect';
  const needsCheck = /[[\\]/.test(pattern);
  if (needsCheck && compilePathPattern(pattern, syntax === 'dockerignore') === undefined)
    return 'it is malformed and has no effect';
  patterns.delete(pattern);
  patterns.set(pattern, negated);
  return syntax === 's2i' && pattern.includes('**')
    ? '"**" matches one directory only, as in s2i; a first line "# syntax=dockerignore" makes it match any number'
    : undefined;
}

/** Undefined for a pattern that leaves the source. */
function clean(pattern: string): string | undefined {
  const path = withoutTrailingSlash(normalize(`./${pattern}`)).replace(/(?:\*\*\/){2,}/g, '**/');
  if (path === '..' || path.startsWith('../')) return undefined;
  return path === '.' ? '' : path;
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

function summary(warnings: readonly string[]): readonly string[] {
  const shown = 5;
  if (warnings.length <= shown) return warnings;
  return [...warnings.slice(0, shown), `${warnings.length - shown} more lines have such problems`];
}
