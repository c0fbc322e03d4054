/** Text from outside cannot act on a terminal, a log or a CI system. */

import t from 'tap';
import { safeText } from '../../src/ui/index.ts';
import { displayWidth, truncate } from '../../src/ui/width.ts';
import { fc } from '../support/property.ts';

const plain = { sgr: false, ci: false };
const terminal = { sgr: true, ci: false };
const ci = { sgr: false, ci: true };

t.test('M16: escape sequences of names and output are shown, not obeyed', async (t) => {
  const hostile = {
    'clears the screen': ['a\u001b[2Jb', 'a\\u{1b}[2Jb'],
    'sets the clipboard (OSC 52)': ['\u001b]52;c;eA==\u0007', '\\u{1b}]52;c;eA==\\u{7}'],
    'links elsewhere (OSC 8)': ['\u001b]8;;http://x\u001b\\y', '\\u{1b}]8;;http://x\\u{1b}\\y'],
    'overwrites its line': ['good\rbad', 'good\\u{d}bad'],
    'forges a line': ['a\nb', 'a\\u{a}b'],
    'moves back': ['a\bb', 'a\\u{8}b'],
    'uses 8-bit controls': ['\u009b2J', '\\u{9b}2J'],
    'reverses text': ['\u202egpj.exe', '\\u{202e}gpj.exe'],
    'hides text in tags': ['a\u{e0041}', 'a\\u{e0041}'],
    'ends a line in JSON viewers': ['a\u2028b', 'a\\u{2028}b'],
  };
  for (const [name, [text = '', expected]] of Object.entries(hostile)) {
    t.equal(safeText(text, plain), expected, name);
    t.equal(safeText(text, terminal), expected, `${name}, on a terminal`);
  }
});

t.test('ordinary text stays as it is', async (t) => {
  for (const text of ['', 'a\tb', 'naïve 日本語 👍🏽', '100 % ::', 'C:\\x']) {
    t.equal(safeText(text, plain), text);
    t.equal(safeText(text, ci), text);
  }
});

t.test(
  'colours pass on a terminal, ended with the text, and are taken out elsewhere',
  async (t) => {
    const text = '\u001b[1;31mred\u001b[2J\u001b[38;5;9mx';
    t.equal(safeText(text, terminal), '\u001b[1;31mred\\u{1b}[2J\u001b[38;5;9mx\u001b[0m');
    t.equal(safeText(text, plain), 'red\\u{1b}[2Jx');
  },
);

t.test('G13: commands of CI systems are broken up', async (t) => {
  const commands = [
    '::set-env name=PATH::/evil',
    '  ::add-mask::x',
    '\u001b[0m::stop-commands::x',
    'text ##[error]x',
    'x ##vso[task.setvariable variable=a]b',
    '##teamcity[buildStatus]',
    'section_start:1:x',
    'section_end:1:x',
    '##\u001b[0m[group]x',
  ];
  const forbidden = /^\s*::|##\[|##vso\[|##teamcity\[|section_(start|end):/;
  for (const command of commands) t.notMatch(safeText(command, ci), forbidden, command);
  for (const command of commands) t.notMatch(safeText(command, ci), /\u001b/);
});

t.test('property: no control character but tab and SGR ever passes', async (t) => {
  const hostile = fc.string({
    unit: fc.constantFrom(
      '\u001b',
      '[',
      'm',
      '0',
      ';',
      ':',
      '#',
      '\n',
      '\r',
      'a',
      '\u009b',
      '\u202e',
      'é',
    ),
    maxLength: 60,
  });
  fc.assert(
    fc.property(hostile, (text) => {
      const shown = safeText(text, plain);
      const coloured = safeText(text, terminal).replace(/\u001b\[[0-9;:]*m/g, '');
      return [shown, coloured].every(
        (one) => !/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202e]/.test(one),
      );
    }),
  );
  t.pass('for 100 hostile texts');
});

t.test('widths are those of terminals', async (t) => {
  const widths = {
    abc: 3,
    日本: 4,
    'e\u0301': 1,
    '👍': 2,
    '\u001b[31mred\u001b[0m': 3,
    ｆ: 2,
    '': 0,
  };
  for (const [text, width] of Object.entries(widths)) t.equal(displayWidth(text), width, text);
  t.equal(truncate('abcdef', 4), 'abc…');
  t.equal(truncate('日本語', 5), '日本…');
  t.equal(truncate('日本語', 4), '日…');
  t.equal(truncate('abc', 3), 'abc');
  t.equal(truncate('abc', 0), '');
});
