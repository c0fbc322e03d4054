/** Where instructions begin and end: continuations, comments, here-documents, directives, and the places of things. */

import t from 'tap';
import type { RunInstruction } from '../../src/dockerfile/index.ts';
import { parseTriggers } from '../../src/dockerfile/index.ts';
import { instructions, linesOf, parse, problemsOf } from './support.ts';

function commands(text: string): readonly string[] {
  return instructions(text).map((one) => {
    const { command } = one as RunInstruction;
    return command.form === 'shell' ? command.text : command.arguments.join('|');
  });
}

const joined: readonly (readonly [name: string, text: string, commands: readonly string[]])[] = [
  ['a line goes on', 'RUN a \\\n  b', ['a   b']],
  ['with space behind the character', 'RUN a \\ \t\n  b', ['a   b']],
  ['comments and empty lines within', 'RUN a \\\n# c\n\n  # d \\\nb', ['a b']],
  ['two escape characters end the line', 'RUN a\\\\\nRUN b', ['a\\\\', 'b']],
  ['three do, too', 'RUN a\\\\\\\nRUN b', ['a\\\\\\', 'b']],
  ['the end of the file ends everything', 'RUN a \\', ['a']],
  ['an instruction can begin on the next line', 'RUN \\\n a', ['a']],
  ['CRLF', 'RUN a \\\r\n b\r\nRUN c\r\n', ['a  b', 'c']],
  ['comments between instructions', '  # x\nRUN a # b\n\n\n\tRUN c', ['a # b', 'c']],
  ['a here-document', 'RUN <<E\na\n b\nE\nRUN c', ['a\n b\n', 'c']],
  ['continuations mean nothing in it', 'RUN <<E\na \\\n# b\n\nE', ['a \\\n# b\n\n']],
  ['its end stands alone', 'RUN <<E\nE \n E\nE', ['E \n E\n']],
  ['tabs go with a dash', 'RUN <<-E\n\ta\n\t\tb\n c\n\tE\nRUN d', ['a\nb\n c\n', 'd']],
  ['quoted words', 'RUN <<"E"\n$a\nE\nRUN <<\'F\'\nb\nF', ['$a\n', 'b\n']],
  ['part of a command', 'RUN cat <<E > x\na\nE', ['cat <<E > x\na\nE']],
  ['several, and a descriptor', 'RUN a <<E 3<<F\n1\nE\n2\nF', ['a <<E 3<<F\n1\nE\n2\nF']],
  ['behind a continuation', 'RUN a && \\\n cat <<E\nb\nE', ['a &&  cat <<E\nb\nE']],
  ['no here-document in quotes', 'RUN echo "<<E"\nRUN b', ['echo "<<E"', 'b']],
  ['none in arithmetic', 'RUN echo $((1<<2))\nRUN b', ['echo $((1<<2))', 'b']],
  ['none in a here-string', 'RUN cat <<<a\nRUN b', ['cat <<<a', 'b']],
  ['CRLF in it', 'RUN <<E\r\na\r\nE\r\n', ['a\n']],
];

t.test('lines become instructions', async (t) => {
  for (const [name, text, expected] of joined) t.strictSame(commands(text), expected, name);
});

t.test('a script is told from a command', async (t) => {
  const [run] = instructions('RUN <<E\n#!/bin/awk -f\nx\nE') as readonly RunInstruction[];
  t.same(run?.script, { name: 'E', content: '#!/bin/awk -f\nx\n' });
  const [piped] = instructions('RUN cat <<E\n#!/bin/awk\nE') as readonly RunInstruction[];
  t.equal(piped?.script, undefined);
});

t.test('here-documents of COPY are files', async (t) => {
  const [copy] = instructions('COPY <<a x <<-"b" /d/\n$1\na\n\t$2\n\tb');
  t.match(copy, {
    sources: ['x'],
    inline: [
      { name: 'a', content: '$1\n', expand: true },
      { name: 'b', content: '$2\n', expand: false },
    ],
    destination: '/d/',
  });
  t.strictSame(problemsOf('FROM a\nCOPY x <<E\nE'), [
    '2:1: COPY: a here-document cannot be the destination',
  ]);
});

t.test('here-documents that cannot be', async (t) => {
  t.strictSame(problemsOf('FROM a\nRUN a <<E\nb'), [
    '2:7: the here-document "E" has no end (end it with a line that holds E and nothing else)',
  ]);
  t.match(problemsOf('FROM a\nONBUILD RUN <<E\na\nE'), [/cannot be kept in an image/]);
  t.match(problemsOf('FROM a\nENV a=<<E\na\nE'), [/no instruction "A"/, /no instruction "E"/]);
});

t.test('places are those of the file', async (t) => {
  const [run, env] = instructions('RUN a \\\n  b\n\n  ENV A=1');
  t.same(run?.position, { line: 2, column: 1 });
  t.equal(run?.endLine, 3);
  t.equal(run?.original, 'RUN a   b');
  t.same(env?.position, { line: 5, column: 3 });
  t.strictSame(problemsOf('FROM a\nENV A=1 \\\n# c\n   B\n'), [
    '4:4: ENV: "=" is missing in "B" (write name=value, with quotes around values that hold spaces)',
  ]);
});

t.test('directives', async (t) => {
  const { directives } = parse(
    '\ufeff# Syntax = docker/dockerfile:1\n#check=skip=A, B;error=false\n# escape=`\nFROM a',
  );
  t.same(directives, {
    escapeCharacter: '`',
    syntax: 'docker/dockerfile:1',
    check: { skip: ['A', 'B'], error: false },
  });
  t.equal(parse('# a comment\n# escape=`\nFROM a').directives.escapeCharacter, '\\', 'too late');
  t.equal(parse('\n# escape=`\nFROM a').directives.escapeCharacter, '\\', 'behind an empty line');
  t.equal(
    parse('# other=1\n# escape=`\nFROM a').directives.escapeCharacter,
    '\\',
    'an unknown one',
  );
  t.strictSame(problemsOf('# escape=x\nFROM a'), ['1:1: the escape character is neither \\ nor `']);
  t.strictSame(problemsOf('# escape=`\n# escape=`\nFROM a'), [
    '2:1: the directive escape is given twice',
  ]);
});

t.test('warnings, and what # check= does to them', async (t) => {
  const text =
    'FROM a AS B\nMAINTAINER x\nENV a b\nRUN x \\\n\n y\nCMD ["a\nFROM a AS b\nFROM a AS scratch';
  const rules = (head: string) => parse(`${head}${text}`).warnings.map(({ rule }) => rule);
  t.strictSame(rules(''), [
    'StageNameCasing',
    'MaintainerDeprecated',
    'LegacyKeyValueFormat',
    'NoEmptyContinuation',
    'JSONArgsRecommended',
    'DuplicateStageName',
    'ReservedStageName',
  ]);
  t.strictSame(rules('# check=skip=all\n'), []);
  t.equal(rules('# check=skip=StageNameCasing,MaintainerDeprecated\n').length, 5);
  t.equal(problemsOf(`# check=error=true\n${text}`).length, 7);
});

t.test('a frontend of somebody else is not run, and said', async (t) => {
  const rules = (syntax: string) =>
    parse(`# syntax=${syntax}\nFROM a`).warnings.map(({ rule }) => rule);
  for (const syntax of [
    'docker/dockerfile:1',
    'docker.io/docker/dockerfile',
    'docker/dockerfile-upstream:x',
  ])
    t.strictSame(rules(syntax), [], syntax);
  for (const syntax of ['example.com/evil', 'docker/dockerfiles'])
    t.strictSame(rules(syntax), ['ForeignSyntax'], syntax);
});

t.test('files that are no Dockerfiles', async (t) => {
  t.strictSame(problemsOf(''), ['1:1: the Dockerfile is empty (begin with FROM image)']);
  t.strictSame(problemsOf('# only\n'), ['1:1: the Dockerfile is empty (begin with FROM image)']);
  t.strictSame(problemsOf('ARG a\n'), ['1:1: the Dockerfile has no FROM (begin with FROM image)']);
  t.strictSame(problemsOf('ENV a=1\nFROM a'), [
    '1:1: ENV stands in front of the first FROM, where only ARG can',
  ]);
  t.match(problemsOf('FROM a\nRUN \0'), [/^2:5: it holds a NUL character/]);
});

t.test('triggers of a base image', async (t) => {
  const name = 'ONBUILD of the base';
  const [first, second] = parseTriggers(['ENV a=1', 'run x'], { name });
  t.match(first, { kind: 'env', position: { line: 1 } });
  t.match(second, { kind: 'run', position: { line: 2 } });
  for (const trigger of ['FROM x', 'ONBUILD RUN x', 'nonsense', 'EXPOSE x']) {
    try {
      parseTriggers([trigger], { name });
      t.fail(trigger);
    } catch (error) {
      t.match(linesOf(error)[0], /^ONBUILD of the base:1:1: /, trigger);
    }
  }
});
