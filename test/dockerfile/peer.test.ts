/**
 * The npm package dockerfile-ast finds the same instructions in the same places, but for what it reads wrongly; ADR
 * "Our own Dockerfile parser" says why that decided against it.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import t from 'tap';
import { casesDirectory, readCases } from './equivalence/cases.ts';
import { parse } from './support.ts';

/** `KEYWORD line:column` of each instruction, FROM included. */
function ours(text: string): readonly string[] {
  const { globals, stages } = parse(text);
  return [...globals, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])].map(
    ({ original, position: { line, column } }) =>
      `${original.split(/\s/, 1)[0]?.toUpperCase()} ${line}:${column}`,
  );
}

function peers(text: string): readonly string[] {
  return DockerfileParser.parse(text)
    .getInstructions()
    .map((instruction) => {
      const { start } = instruction.getInstructionRange();
      return `${instruction.getKeyword()} ${start.line + 1}:${start.character + 1}`;
    });
}

/** What dockerfile-ast takes apart in the wrong places, and what it makes of it. */
const wrong: readonly (readonly [what: string, text: string])[] = [
  ['an escaped escape character at the end of a line', 'FROM a\nRUN b\\\\\nRUN c'],
  ['an escaped space in front of a continuation', 'FROM a\nRUN b \\ \\\n c'],
  ['here-documents with a file descriptor', 'FROM a\nRUN b 3<<E\nc\nE'],
  ['the end of a here-document without dash behind one with', 'FROM a\nRUN <<-E <<F\nE\n\tF\nF'],
  ['a word with a here-document in single quotes', "FROM a\nRUN echo ' <<E '\nRUN c"],
];

/** Where its words, flags and values part from what builders read. */
const wrongWords: readonly (readonly [text: string, words: readonly string[]])[] = [
  ['ENV a=b\\ c', ['a=b', 'c']],
  ['ENV a="e f"', ['a="e', 'f"']],
  ['LABEL "a b"="c d"', ['"a', 'b"="c', 'd"']],
  ['RUN --mount=type=cache,target="/a b" x', ['b"', 'x']],
];

t.test('instructions begin where dockerfile-ast finds them', async (t) => {
  const cases = (await readCases()).filter(({ isRejected, refused }) => !isRejected && !refused);
  const texts = cases.map(({ name, dockerfile }) => [name, dockerfile] as const);
  const base = await readFile(join(casesDirectory, 'base.Dockerfile'), 'utf8');
  const known = new Set(['double-escape-at-line-end', 'run-heredoc-input', 'byte-order-mark']);
  for (const [name, text] of [['base', base] as const, ...texts])
    if (!known.has(name)) t.strictSame(ours(text), peers(text), name);
  for (const [name, text] of texts)
    if (known.has(name)) t.notSame(ours(text), peers(text), `${name}: known to differ`);
});

t.test('what dockerfile-ast reads wrongly', async (t) => {
  for (const [what, text] of wrong) t.notSame(ours(text), peers(text), what);
  for (const [text, words] of wrongWords) {
    const [instruction] = DockerfileParser.parse(text).getInstructions();
    t.strictSame(
      instruction?.getArguments().map((argument) => argument.getValue()),
      words,
      text,
    );
  }
});
