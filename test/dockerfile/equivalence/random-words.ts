/** Words at random, for comparing what ENV makes of them with what another builder does. */

import {
  beginScope,
  expandInstruction,
  parseDockerfile,
  type Scope,
  withEnvironment,
} from '../../../src/dockerfile/index.ts';
import { BuildError } from '../../../src/errors/index.ts';
import { fc } from '../../support/property.ts';
import type { Case } from './cases.ts';

const pieces = [
  ...['a', 'b', 'é', '#', '=', '/', ';', '|', '*', '{', '}', '[', ']', ' ', '"', "'", '\\', '$'],
  ...['$A', '${A}', '$A$B', '${U}', '${EMPTY:-x}', '${U:-y}', '${A:+z}', '"$A"', '"x y"', "'p q'"],
  ...['\\"', '\\$', '\\\\', '\\ '],
];

const head = 'FROM scratch\nENV A=va B="v b" EMPTY=\n';

/** Words that one ENV takes as one value; what builders are known to part over is left out. */
export function randomWords(count: number): readonly string[] {
  const word = fc
    .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 7 })
    .map((parts) => parts.join('').trim())
    .filter((text) => !text.endsWith('\\') && !/\$[$#*]/.test(text))
    .filter((text) => text !== '' && environmentOf([text])?.size === 4);
  return fc.sample(word, { numRuns: count, seed: 7 });
}

/** A case with a variable for each word: `V0`, `V1`, ... */
export function caseOf(words: readonly string[]): Case {
  return {
    name: 'random-words',
    dockerfile: textOf(words),
    buildArgs: [],
    ignore: [],
    isRejected: false,
    history: false,
    differences: [],
  };
}

/** The environment behind a case; undefined when it is refused. */
export function environmentOf(words: readonly string[]): ReadonlyMap<string, string> | undefined {
  try {
    const { stages } = parseDockerfile(textOf(words), { name: 'Dockerfile' });
    let scope: Scope = beginScope('\\', []);
    for (const instruction of stages[0]?.instructions ?? []) {
      const resolved = expandInstruction(instruction, scope, 'Dockerfile');
      if (resolved.kind === 'env') scope = withEnvironment(scope, resolved.pairs);
    }
    return scope.env;
  } catch (error) {
    if (error instanceof BuildError) return undefined;
    throw error;
  }
}

function textOf(words: readonly string[]): string {
  return `${head}${words.map((word, index) => `ENV V${index}=${word}`).join('\n')}\n`;
}
