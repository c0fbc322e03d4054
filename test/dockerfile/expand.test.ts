/** Words of Dockerfiles and what they mean, case by case. */

import t from 'tap';
import {
  type ExpandOptions,
  expandContent,
  expandWord,
  expandWords,
} from '../../src/dockerfile/expand.ts';
import { ExpansionFault } from '../../src/dockerfile/expansion-fault.ts';
import { quoteWord } from '../../src/s2i/dockerfile/quoting.ts';
import { fc } from '../support/property.ts';

const variables: Readonly<Record<string, string>> = {
  A: 'a',
  TWO: 'one two',
  EMPTY: '',
  P: '/usr/lib/lib.tar.gz',
  STARS: '/foo*/*/*.txt',
  SLASHES: '/tmp/foo.txt',
  X: 'xxyy',
  É: 'accent',
};

function options(escapeCharacter = '\\'): ExpandOptions {
  return {
    escapeCharacter,
    lookup: (name) => (Object.hasOwn(variables, name) ? variables[name] : undefined),
  };
}

const words: readonly (readonly [word: string, meaning: string])[] = [
  // quotes and escapes
  ['plain', 'plain'],
  ["'single $A \\n'", 'single $A \\n'],
  ['"double $A"', 'double a'],
  ['a"b c"\'d e\'f', 'ab cd ef'],
  ['a\\ b', 'a b'],
  ['\\$A', '$A'],
  ['\\\\', '\\'],
  ['"\\$A \\" \\\\ \\n"', '$A " \\ \\n'],
  ["it\\'s", "it's"],
  ['ends\\', 'ends'],
  ['""', ''],
  // names
  ['$A', 'a'],
  ['${A}', 'a'],
  ['x$A-y', 'xa-y'],
  ['$A$A', 'aa'],
  ['$Ab', ''],
  ['${A}b', 'ab'],
  ['$NOTHING.', '.'],
  ['$', '$'],
  ['a$', 'a$'],
  ['$ x', '$ x'],
  ['"$"', '$'],
  ['$1x', 'x'],
  ['$$A', 'A'],
  ['$@', ''],
  ['$É', 'accent'],
  // with and without a value
  ['${A:-x}', 'a'],
  ['${EMPTY:-x}', 'x'],
  ['${NOTHING:-x}', 'x'],
  ['${EMPTY-x}', ''],
  ['${NOTHING-x}', 'x'],
  ['${A:+x}', 'x'],
  ['${EMPTY:+x}', ''],
  ['${EMPTY+x}', 'x'],
  ['${NOTHING+x}', ''],
  ['${A:?no}', 'a'],
  ['${EMPTY?no}', ''],
  ['${NOTHING:-${A:+in$A}}', 'ina'],
  ['${NOTHING:-"a b"}', 'a b'],
  ["${NOTHING:-'$A'}", '$A'],
  ['${NOTHING:-\\}}', '}'],
  ['${NOTHING:-}', ''],
  // patterns
  ['${P#*/}', 'usr/lib/lib.tar.gz'],
  ['${P##*/}', 'lib.tar.gz'],
  ['${P%.*}', '/usr/lib/lib.tar'],
  ['${P%%.*}', '/usr/lib/lib'],
  ['${P#none}', '/usr/lib/lib.tar.gz'],
  ['${P%/l?b*}', '/usr/lib'],
  ['${X#*x*y}', 'y'],
  ['${X#*}', 'xxyy'],
  ['${X##*}', ''],
  ['${X##*x}', 'yy'],
  ['${X#}', 'xxyy'],
  ['${X#$EMPTY}', 'xxyy'],
  ['${X%%$A}', 'xxyy'],
  ['${P/lib/LIB}', '/usr/LIB/lib.tar.gz'],
  ['${P//lib/LIB}', '/usr/LIB/LIB.tar.gz'],
  ['${P//l?b/}', '/usr//.tar.gz'],
  ['${P/.*/}', '/usr/lib/lib'],
  ['${STARS//\\*\\//.}', '/foo..*.txt'],
  ['${SLASHES//\\//\\/}', '\\/tmp\\/foo.txt'],
  ['${X/x/$A}', 'axyy'],
  ['${NOTHING/x/y}', ''],
];

const faults: readonly (readonly [word: string, message: RegExp])[] = [
  ["'a", /single quote/],
  ['"a', /double quote/],
  ['"${A"', /no modifier/],
  ['${', /missing/],
  ['${}', /bad substitution/],
  ['${A', /missing behind/],
  ['${A:-x', /"}" is missing/],
  ['${A:x}', /no modifier :x/],
  ['${A=x}', /no modifier =/],
  ['${A/x}', /"\/" is missing/],
  ['${NOTHING:?it has to be given}', /NOTHING: it has to be given/],
  ['${NOTHING?}', /NOTHING: is not set/],
  ['${EMPTY:?}', /EMPTY: is empty/],
];

t.test('words mean what they mean to other builders', async (t) => {
  for (const [word, meaning] of words) t.equal(expandWord(word, options()), meaning, word);
});

t.test('words that mean nothing are faults', async (t) => {
  for (const [word, message] of faults)
    t.throws(() => expandWord(word, options()), { name: 'ExpansionFault', message }, word);
});

t.test('another escape character takes over', async (t) => {
  t.equal(expandWord('a\\b`$A`` "`"x`q"', options('`')), 'a\\b$A` "x`q');
});

t.test('values of variables are split where words are wanted', async (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['$TWO', ['one', 'two']],
    ['"$TWO"', ['one two']],
    ['x$TWO-y', ['xone', 'two-y']],
    ['$EMPTY', []],
    ['a\\ b c', ['a b', 'c']],
  ];
  for (const [word, expected] of cases) t.strictSame(expandWords(word, options()), expected, word);
});

t.test('here-documents keep quotes, and backslashes that keep nothing', async (t) => {
  const content = `$A "\${A}" '$A' \\$A \\\\ \\n\n`;
  t.equal(expandContent(content, options()), `a "a" 'a' $A \\ \\n\n`);
});

t.test('D09 limits of expansion', async (t) => {
  const nested = (depth: number): string => `${'${N:-'.repeat(depth)}x${'}'.repeat(depth)}`;
  t.equal(expandWord(nested(64), options()), 'x');
  t.throws(() => expandWord(nested(10_000), options()), ExpansionFault, 'nesting');
  const long = { ...options(), lookup: () => 'x'.repeat(1000) };
  t.throws(() => expandWord('$A'.repeat(1100), long), /longer than/, 'length');
  const same = { ...options(), lookup: () => 'a'.repeat(100_000) };
  t.throws(() => expandWord(`\${A//${'*a'.repeat(200)}b/}`, same), /too long to match/, 'patterns');
});

t.test('whatever is quoted comes back', async (t) => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((one) => !/[\r\n]/.test(one));
  fc.assert(
    fc.property(text, (value) => expandWord(quoteWord(value), options()) === value),
    { numRuns: 500 },
  );
  t.pass('500 texts');
});

t.test('nothing but faults is thrown', async (t) => {
  const piece = fc.constantFrom(...'$ ${ } : - + ? # % / \' " \\ A * a'.split(' '), ' ');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      try {
        expandWords(pieces.join(''), options());
      } catch (error) {
        if (!(error instanceof ExpansionFault)) throw error;
      }
    }),
    { numRuns: 1000 },
  );
  t.pass('1000 texts');
});
