/**
 * Reads variables: `.s2i/environment`, environment files of users, and the values of `-e`.
 *
 * A line is `NAME=value`; space around both is dropped, quotes are part of the value, nothing is expanded.
 */

import { BuildError, type ErrorCode } from '../errors/index.ts';
import { displayText } from '../model/index.ts';

/** Variables read from a file. */
export interface EnvironmentFile {
  /** `NAME=value`, in the order of the file, duplicates still in it. */
  readonly entries: readonly string[];
  /** Lines that were skipped, for the user. */
  readonly warnings: readonly string[];
}

/** The most bytes of an environment file that are read. */
export const maxEnvironmentFileSize = 1024 * 1024;

/** The kernel takes no argument or variable longer than this, its final NUL included. */
const maxEntryBytes = 128 * 1024 - 1;

/** How a file's comments look and what it is called. */
export interface EnvironmentFileFormat {
  readonly name: string;
  readonly comments: readonly string[];
  readonly code: ErrorCode;
}

/** `.s2i/environment` in a source. */
export const sourceEnvironmentFormat: EnvironmentFileFormat = {
  name: '.s2i/environment',
  comments: ['#'],
  code: 'SOURCE_INVALID',
};

/** A file named by `--environment-file`. */
export function userEnvironmentFormat(name: string): EnvironmentFileFormat {
  return { name, comments: ['#', '//'], code: 'USAGE_INVALID' };
}

/**
 * Parses a file of variables. Lines without `=`, and names that no shell could use, are skipped with a warning.
 *
 * @throws BuildError `LIMIT_EXCEEDED`, and the format's code for a NUL character
 */
export function parseEnvironmentFile(text: string, format: EnvironmentFileFormat): EnvironmentFile {
  const { name } = format;
  if (Buffer.byteLength(text) > maxEnvironmentFileSize) {
    throw new BuildError(
      'LIMIT_EXCEEDED',
      `${name} is larger than ${maxEnvironmentFileSize} bytes`,
    );
  }
  if (text.includes('\0')) throw new BuildError(format.code, `${name} holds a NUL character`);
  const entries: string[] = [];
  const warnings: string[] = [];
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    if (line.trim() === '' || format.comments.some((comment) => line.startsWith(comment))) continue;
    const entry = parseEntry(line, `${name}, line ${index + 1}`);
    if (entry.problem === undefined) entries.push(entry.text);
    else warnings.push(`${name}, line ${index + 1} is skipped: ${entry.problem}`);
  }
  return { entries, warnings };
}

/**
 * Parses the value of `-e`. It may hold commas and more equal signs: it is always one variable.
 *
 * @throws BuildError `USAGE_INVALID`, `LIMIT_EXCEEDED`
 */
export function parseVariable(text: string): string {
  if (text.includes('\0'))
    throw new BuildError('USAGE_INVALID', 'a variable holds a NUL character');
  const entry = parseEntry(text, 'a variable');
  if (entry.problem === undefined) return entry.text;
  const name = displayText((text.split('=', 1)[0] ?? '').slice(0, 80));
  throw new BuildError('USAGE_INVALID', `not a variable: "${name}": ${entry.problem}`, {
    suggestion: 'write it as NAME=value',
  });
}

function parseEntry(line: string, what: string): { text: string; problem?: string } {
  const equals = line.indexOf('=');
  if (equals === -1) return { text: '', problem: 'it has no "="' };
  const name = line.slice(0, equals).trim();
  if (name === '') return { text: '', problem: 'it has no name' };
  if (/\s/.test(name))
    return { text: '', problem: 'its name holds space (there is no "export" here)' };
  const text = `${name}=${line.slice(equals + 1).trim()}`;
  if (Buffer.byteLength(text) > maxEntryBytes) {
    throw new BuildError(
      'LIMIT_EXCEEDED',
      `${what} is longer than a variable can be (${maxEntryBytes} bytes)`,
    );
  }
  return { text };
}
