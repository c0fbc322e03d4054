/** Collects everything that is wrong with a Dockerfile, so that a user learns of all of it at once. */

import { BuildError } from '../errors/index.ts';
import type { Position } from './types.ts';

/** One thing that is wrong. */
export interface Problem {
  readonly position: Position;
  /** Without a full stop at its end. */
  readonly message: string;
  readonly suggestion?: string;
}

const maxShown = 20;

/** The problems of one file, in the order in which they were found. */
export class Problems {
  readonly #name: string;
  readonly #found: Problem[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** Notes a problem; reading goes on. */
  add(position: Position, message: string, suggestion?: string): void {
    this.#found.push({ position, message, ...(suggestion === undefined ? {} : { suggestion }) });
  }

  /**
   * Ends the reading when anything was found.
   *
   * @throws BuildError `DOCKERFILE_INVALID` with one line for each problem, ordered by place
   */
  throwIfAny(): void {
    if (this.#found.length > 0) throw invalidDockerfile(this.#name, this.#found);
  }
}

/** Makes the error for problems of a file: the advice for a single one is its suggestion, else each line has its own. */
export function invalidDockerfile(name: string, problems: readonly Problem[]): BuildError {
  const sorted = problems.toSorted((a, b) => comparePositions(a.position, b.position));
  const [first] = sorted;
  const only = sorted.length === 1 ? first?.suggestion : undefined;
  const lines = sorted.slice(0, maxShown).map(({ position, message, suggestion }) => {
    const advice = suggestion === undefined || sorted.length === 1 ? '' : ` (${suggestion})`;
    return `${name}:${position.line}:${position.column}: ${message}${advice}`;
  });
  if (sorted.length > maxShown) lines.push(`and ${sorted.length - maxShown} more problems`);
  return new BuildError('DOCKERFILE_INVALID', lines.join('\n'), {
    origin: 'source',
    ...(only === undefined ? {} : { suggestion: only }),
    details: {
      problems: sorted.length,
      line: first?.position.line ?? 1,
      column: first?.position.column ?? 1,
    },
  });
}

function comparePositions(a: Position, b: Position): number {
  return a.line - b.line || a.column - b.column;
}
