/**
 * Builder images with ONBUILD instructions: their build is a Dockerfile of a few lines, in the directory of the source,
 * and whoever builds Dockerfiles runs it and the instructions.
 */

import { BuildError } from '../errors/index.ts';
import { envInstruction, plainWord } from './dockerfile/quoting.ts';

/** What is known before an ONBUILD build. */
export interface OnBuildInput {
  readonly builder: string;
  readonly instructions: readonly string[];
  /** Entries at the top of the source, in the order of their names. */
  readonly entries: readonly { readonly name: string; readonly isExecutableFile: boolean }[];
  /** Variables of the source's `.s2i/environment`. */
  readonly environment: readonly string[];
  /** Whether the builder's ENTRYPOINT is kept instead of guessed. */
  readonly entrypoint: readonly string[];
  /** Whether ONBUILD builds are refused. */
  readonly blocked: boolean;
}

const entryNames = /^(?:run|start|exec|execute)(?:\.sh)?$/;

/** Tells whether an image is built by its ONBUILD instructions. */
export function isOnBuild(instructions: readonly string[]): boolean {
  return instructions.length > 0;
}

/**
 * Returns the Dockerfile. The instructions run behind FROM; then assemble, if the source has one, in the working
 * directory; the entry point is the first executable that is called run, start, exec or execute.
 *
 * @throws BuildError `POLICY_VIOLATION` when blocked, `SOURCE_INVALID` without an entry point, `DOCKERFILE_INVALID`
 */
export function planOnBuild(input: OnBuildInput): string {
  if (input.blocked) {
    throw new BuildError(
      'POLICY_VIOLATION',
      'the builder image has ONBUILD instructions, which are blocked',
      {
        origin: 'builder',
        suggestion: 'use a builder image with S2I scripts, or allow ONBUILD',
      },
    );
  }
  const assemble = input.entries.some(({ name }) => name === 'assemble');
  const lines = [
    `FROM ${plainWord(input.builder, 'the builder image')}`,
    ...envInstruction(input.environment),
    ...(assemble ? ['RUN sh assemble'] : []),
    ...(input.entrypoint.length > 0
      ? []
      : [`ENTRYPOINT ${JSON.stringify([`./${entryOf(input)}`])}`]),
  ];
  return `${lines.join('\n')}\n`;
}

function entryOf(input: OnBuildInput): string {
  const found = input.entries.find(
    ({ name, isExecutableFile }) => isExecutableFile && entryNames.test(name),
  );
  if (found !== undefined) return found.name;
  throw new BuildError('SOURCE_INVALID', 'the source has nothing to start the application with', {
    origin: 'source',
    suggestion:
      'add an executable run, start, exec or execute (with or without .sh) to its top directory',
  });
}
