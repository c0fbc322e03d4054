/** D09: whatever a Dockerfile holds, reading it ends soon, with a result or with an error that says where. */

import t from 'tap';
import { parseDockerfile } from '../../src/dockerfile/index.ts';
import { BuildError } from '../../src/errors/index.ts';
import { fc } from '../support/property.ts';
import { plan } from './support.ts';

const mebibyte = 1024 * 1024;

const vectors: Readonly<Record<string, string>> = {
  'a line of ten megabytes': `FROM a\nRUN ${'a'.repeat(10 * mebibyte)}`,
  'a line of two megabytes': `FROM a\nRUN ${'a'.repeat(2 * mebibyte)}`,
  'two megabytes of continuations': `FROM a\nRUN ${'a\\\n'.repeat(mebibyte)}`,
  'a hundred thousand instructions': `FROM a\n${'RUN b\n'.repeat(100_000)}`,
  'a here-document without end': `FROM a\nRUN <<E\n${'x\n'.repeat(100_000)}`,
  'ten thousand nested variables': `FROM a\nENV a=${'${x:-'.repeat(10_000)}${'}'.repeat(10_000)}`,
  'ONBUILD ONBUILD': `FROM a\n${'ONBUILD '.repeat(10_000)}RUN x`,
  'stages in a circle': 'FROM a AS x\nCOPY --from=y 1 2\nFROM x AS y\n',
  'flags without number': `FROM a\nCOPY ${'--x '.repeat(200_000)} a b`,
  'SHELL without anything': 'FROM a\nSHELL []\n',
  NUL: 'FROM a\nRUN a\0b\n',
  'NUL in a comment': '# a\0\nFROM a\n',
};

const harmless: Readonly<Record<string, string>> = {
  'quotes without end, as many as there can be': `FROM a\nRUN ${'" \' '.repeat(200_000)}`,
  'here-documents without number': `FROM a\nRUN ${'<<E '.repeat(5000)}\n${'E\n'.repeat(5000)}`,
  'variables without number': `FROM a\nENV a=${'$a'.repeat(300_000)}`,
  'pairs without number': `FROM a\nENV ${'a=b '.repeat(200_000)}`,
  'flags without number': `FROM a\nCOPY ${'--exclude=a '.repeat(1000)} a b`,
  'brackets without number': `FROM a\nRUN ${'['.repeat(500_000)}`,
  'comments in a continuation': `FROM a\nRUN a \\\n${'#\n'.repeat(500_000)}b`,
  'an escape at the end of the file': 'FROM a\nRUN x \\',
};

t.test('D09 hostile files are refused with their place', async (t) => {
  for (const [name, text] of Object.entries(vectors)) {
    try {
      plan(text);
      t.fail(name);
    } catch (error) {
      if (!(error instanceof BuildError)) throw error;
      t.equal(error.exitCode, 3, name);
      t.match(error.message, /^Dockerfile:\d+:\d+: /, name);
      t.ok(error.message.length < 10_000, `${name}: the message is short`);
    }
  }
});

t.test('D09 large files are read', async (t) => {
  for (const [name, text] of Object.entries(harmless))
    t.equal(plan(text).stages[0]?.instructions.length, 1, name);
});

t.test('reading takes time in proportion to the length', async (t) => {
  const repeated = [
    'a\\\n',
    '<<E ',
    '"',
    '$a',
    '${a',
    'a=',
    '--x ',
    '[',
    '\\',
    ' #\n',
    '\t',
    '${a//*',
  ];
  for (const piece of repeated) {
    const count = Math.floor((mebibyte - 20) / piece.length);
    const outcome =
      read(`FROM a\nENV a=${piece.repeat(count)}`) + read(`FROM a\nRUN ${piece.repeat(count)}`);
    t.type(outcome, 'string', JSON.stringify(piece));
  }
});

t.test('any text is a Dockerfile or an error', async (t) => {
  const piece = fc.constantFrom(
    ...['FROM a', 'RUN', 'COPY', 'ADD', 'ENV', 'ARG', 'LABEL', 'ONBUILD', 'EXPOSE', 'SHELL'],
    ...['HEALTHCHECK', 'CMD', '--mount=', 'type=cache', ',', 'target=/x', '--from=', '--chmod=7'],
    ...['<<E', '<<-"E"', 'E', '$A', '${A', ':-', '}', '"', "'", '\\', '#', '=', '[', ']', '\t'],
    ...['\n', '\n', '\n', ' ', ' ', '\r\n', '\\\n', 'x', '/', 'é', '`', '# escape=`'],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), fc.boolean(), (pieces, begins) => {
      read(`${begins ? 'FROM a\n' : ''}${pieces.join('')}`);
    }),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
      read(`FROM a\nRUN ${text}`);
    }),
    { numRuns: 1000 },
  );
  t.pass('4000 texts');
});

/** Parses and plans; anything but a BuildError is thrown on. */
function read(text: string): string {
  try {
    parseDockerfile(text, { name: 'Dockerfile' });
    return 'accepted';
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return error.code;
  }
}
