/**
 * The first pass over a Dockerfile: physical lines become statements, each one instruction with its here-documents.
 *
 * A line that ends in the escape character (spaces behind it do not matter, a second escape character in front of it
 * does) goes on in the next one; comments and empty lines in between are left out. Linear in the length of the text.
 */

import { BuildError } from '../errors/index.ts';
import { findHeredocs, type HeredocStart, readHeredoc } from './heredoc.ts';
import type { Problems } from './problems.ts';
import type { Heredoc, Position } from './types.ts';

/** One instruction as text. */
export interface Statement {
  /** In upper case. */
  readonly keyword: string;
  readonly position: Position;
  readonly endLine: number;
  readonly original: string;
  /** What follows the keyword, without space around it. */
  readonly rest: string;
  readonly heredocs: readonly Heredoc[];
  /** Finds the place in the file of a character of `rest`. */
  locate(offset: number): Position;
  /** Whether an empty line stands among its continuation lines. */
  readonly hasEmptyLine: boolean;
}

/** The most characters of a Dockerfile. */
export const maxDockerfileSize = 4 * 1024 * 1024;

const maxLineLength = 1024 * 1024;
const maxStatements = 10_000;
const withHeredocs = new Set(['RUN', 'COPY', 'ADD', 'ONBUILD']);

/** Splits a text into physical lines, without line ends and without a byte-order mark. */
export function splitLines(text: string, name: string): readonly string[] {
  if (text.length > maxDockerfileSize) {
    throw tooMuch(name, 1, `it is longer than ${maxDockerfileSize} characters`);
  }
  const nul = text.indexOf('\0');
  if (nul !== -1) {
    const before = text.slice(0, nul).split('\n');
    const place = `${before.length}:${(before.at(-1) ?? '').length + 1}`;
    throw new BuildError('DOCKERFILE_INVALID', `${name}:${place}: it holds a NUL character`, {
      origin: 'source',
      suggestion: 'write the Dockerfile as UTF-8 text',
    });
  }
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((line) => withoutCarriageReturns(line));
}

/** Reads the statements of physical lines. Problems are noted and reading goes on behind them. */
export class StatementReader {
  readonly #lines: readonly string[];
  readonly #name: string;
  readonly #escapeCharacter: string;
  readonly #problems: Problems;
  #at = 0;

  constructor(lines: readonly string[], name: string, escapeCharacter: string, problems: Problems) {
    this.#lines = lines;
    this.#name = name;
    this.#escapeCharacter = escapeCharacter;
    this.#problems = problems;
  }

  /** @throws BuildError `LIMIT_EXCEEDED` */
  read(): readonly Statement[] {
    const statements: Statement[] = [];
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at] ?? '';
      if (isBlank(line) || isComment(line)) {
        this.#at += 1;
        continue;
      }
      if (statements.length >= maxStatements)
        throw tooMuch(this.#name, this.#at + 1, `it has more than ${maxStatements} instructions`);
      const statement = this.#statement();
      if (statement !== undefined) statements.push(statement);
    }
    return statements;
  }

  #statement(): Statement | undefined {
    const { text, pieces, hasEmptyLine } = this.#joined();
    const start = /\S/.exec(text)?.index ?? text.length;
    if (start === text.length) return undefined;
    const keyword = /^\S+/.exec(text.slice(start))?.[0] ?? '';
    const restAt = start + keyword.length + leadingSpace(text.slice(start + keyword.length));
    const rest = text.slice(restAt).trimEnd();
    const locate = (offset: number): Position => placeOf(pieces, offset);
    const heredocs = this.#heredocs(keyword.toUpperCase(), rest, (at) => locate(restAt + at));
    return {
      keyword: keyword.toUpperCase(),
      position: locate(start),
      endLine: this.#at,
      original: rest === '' ? keyword : `${keyword} ${rest}`,
      rest,
      heredocs,
      locate: (offset) => locate(restAt + offset),
      hasEmptyLine,
    };
  }

  #joined(): { text: string; pieces: readonly Piece[]; hasEmptyLine: boolean } {
    const pieces: Piece[] = [];
    const parts: string[] = [];
    const firstLine = this.#at + 1;
    let [length, goesOn, hasEmptyLine] = [0, true, false];
    while (goesOn && this.#at < this.#lines.length) {
      const line = this.#lines[this.#at] ?? '';
      this.#at += 1;
      if (pieces.length > 0 && isComment(line)) continue;
      if (pieces.length > 0 && isBlank(line)) {
        hasEmptyLine = true;
        continue;
      }
      const end = continuationAt(line, this.#escapeCharacter);
      const part = end === undefined ? line : line.slice(0, end);
      pieces.push({ offset: length, line: this.#at });
      parts.push(part);
      length += part.length;
      goesOn = end !== undefined;
      if (length > maxLineLength)
        throw tooMuch(
          this.#name,
          firstLine,
          `an instruction has more than ${maxLineLength} characters`,
        );
    }
    return { text: parts.join(''), pieces, hasEmptyLine };
  }

  #heredocs(
    keyword: string,
    rest: string,
    locate: (offset: number) => Position,
  ): readonly Heredoc[] {
    if (!withHeredocs.has(keyword) || !rest.includes('<<')) return [];
    return findHeredocs(rest, this.#escapeCharacter).flatMap((start) =>
      this.#heredoc(start, locate),
    );
  }

  #heredoc(start: HeredocStart, locate: (offset: number) => Position): readonly Heredoc[] {
    const found = readHeredoc(start, this.#lines, this.#at);
    this.#at = found?.next ?? this.#lines.length;
    if (found !== undefined) return [found.heredoc];
    this.#problems.add(
      locate(start.offset),
      `the here-document ${JSON.stringify(start.name)} has no end`,
      `end it with a line that holds ${start.name} and nothing else`,
    );
    return [];
  }
}

/** Where a physical line begins in the joined text. */
interface Piece {
  readonly offset: number;
  readonly line: number;
}

function placeOf(pieces: readonly Piece[], offset: number): Position {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.offset ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const piece = pieces[low] ?? { offset: 0, line: 1 };
  return { line: piece.line, column: offset - piece.offset + 1 };
}

/** Where the escape character stands that makes the line go on. */
function continuationAt(line: string, escapeCharacter: string): number | undefined {
  let end = line.length;
  while (end > 0 && isSpace(line[end - 1])) end -= 1;
  if (line[end - 1] !== escapeCharacter || line[end - 2] === escapeCharacter) return undefined;
  return end - 1;
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t';
}

function isBlank(line: string): boolean {
  return line.trim() === '';
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith('#');
}

function leadingSpace(text: string): number {
  return text.length - text.trimStart().length;
}

function withoutCarriageReturns(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\r') end -= 1;
  return line.slice(0, end);
}

function tooMuch(name: string, line: number, what: string): BuildError {
  return new BuildError('LIMIT_EXCEEDED', `${name}:${line}:1: ${what}`, { origin: 'source' });
}
