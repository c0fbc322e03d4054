/** Why a RUN failed, as far as its exit code and the files of the stage tell. */

import { posix } from 'node:path';
import type { Command } from '../dockerfile/index.ts';
import { asBuildError, BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import type { Container } from '../pipeline/index.ts';

/** The program that a RUN begins with. */
export interface StartedProgram {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly form: Command['form'];
}

/** With this code shells say that they did not find what they were to start. */
const notFound = 127;

/**
 * Explains that a runtime could not start a command because the stage does not have its program; undefined when that
 * is not the reason.
 */
export async function explainStart(
  container: Container,
  { args, env, form }: StartedProgram,
  failure: unknown,
): Promise<BuildError | undefined> {
  if (asBuildError(failure).code !== 'RUNTIME_FAILED') return undefined;
  const [program = ''] = args;
  if ((await container.existing(placesOf(program, env))).size > 0) return undefined;
  return new BuildError('STEP_FAILED', `the stage has no ${displayText(program)}`, {
    origin: 'source',
    details: { exitCode: notFound },
    suggestion:
      form === 'shell'
        ? 'begin with an image that has a shell, name another one with SHELL, or write RUN in its JSON form'
        : 'copy or install the program first, or name it by its whole path',
  });
}

/** Makes the error for a command that ended with an exit code. */
export function failedCommand(code: number, form: Command['form']): BuildError {
  return new BuildError('STEP_FAILED', `the command ended with exit code ${code}`, {
    origin: 'source',
    details: { exitCode: code },
    ...(code === notFound && form === 'shell'
      ? { suggestion: 'the shell did not find a program of the command in the image' }
      : {}),
  });
}

function placesOf(program: string, env: readonly string[]): readonly string[] {
  if (program.includes('/')) return [program];
  const path = env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  return path
    .split(':')
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => posix.join(directory, program));
}
