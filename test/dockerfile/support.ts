/** What the tests of the Dockerfile language share. */

import {
  type BuildGraph,
  type DockerfileAst,
  type Instruction,
  parseDockerfile,
  planDockerfile,
} from '../../src/dockerfile/index.ts';
import { BuildError } from '../../src/errors/index.ts';

/** Parses a text under the name `Dockerfile`. */
export function parse(text: string): DockerfileAst {
  return parseDockerfile(text, { name: 'Dockerfile' });
}

/** Parses instructions of one stage. */
export function instructions(text: string): readonly Instruction[] {
  return parse(`FROM base\n${text}`).stages[0]?.instructions ?? [];
}

/** The fields of an instruction that say what it means. */
export function meaning(instruction: Instruction | undefined): Record<string, unknown> {
  const { position: _, endLine: __, original: ___, ...rest } = instruction ?? ({} as Instruction);
  return rest;
}

/** The lines of the error that a text gives, without the file's name; none when it is accepted. */
export function problemsOf(text: string): readonly string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    return linesOf(error);
  }
}

/** The lines of a Dockerfile error. */
export function linesOf(error: unknown): readonly string[] {
  if (!(error instanceof BuildError)) throw error;
  const advice = error.suggestion === undefined ? '' : ` (${error.suggestion})`;
  return `${error.message}${advice}`.split('\n').map((line) => line.replace(/^Dockerfile:/, ''));
}

/** Plans a text for linux/amd64 on linux/arm64. */
export function plan(
  text: string,
  options: { readonly target?: string; readonly args?: Readonly<Record<string, string>> } = {},
): BuildGraph {
  return planDockerfile(parse(text), {
    ...(options.target === undefined ? {} : { target: options.target }),
    buildArgs: new Map(Object.entries(options.args ?? {})),
    platform: { os: 'linux', architecture: 'amd64' },
    buildPlatform: { os: 'linux', architecture: 'arm64' },
  });
}
