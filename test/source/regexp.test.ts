import t from 'tap';
import { parseRegexp } from '../../src/source/regexp/index.ts';
import { fc } from '../support/property.ts';
import { failure } from './support.ts';

t.test('the syntax of RE2', async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['abc', 'xabcx', 'xab'],
    ['^abc$', 'abc', 'xabc'],
    ['a|bc', 'bc', 'c'],
    ['a.c', 'aüc', 'ac'],
    ['^a*$', '', 'b'],
    ['a+b?', 'a', 'b'],
    ['^a{2,3}$', 'aaa', 'a'],
    ['^a{2}$', 'aa', 'aaa'],
    ['^a{2,}$', 'aaaa', 'a'],
    ['a{x', 'a{x', 'ax'],
    ['[a-c]', 'b', 'd'],
    ['[^a-c]', 'd', 'a'],
    ['[]a]', ']', 'b'],
    ['[a-]', '-', 'b'],
    ['[\\d_]', '_', 'a'],
    ['[^\\D]', '5', 'a'],
    ['[[:alpha:]]', 'x', '1'],
    ['[[:^alpha:]]', '1', 'x'],
    ['\\d\\s\\w', '1 a', '1a'],
    ['\\D\\S\\W', 'aa-', '1aa'],
    ['\\bfoo\\b', 'a foo b', 'afoob'],
    ['\\Bfoo', 'afoo', 'foo'],
    ['\\Afoo\\z', 'foo', 'foo\n'],
    ['\\x41\\x{42}', 'AB', 'ab'],
    ['\\t\\n', '\t\n', 'tn'],
    ['\\.\\/\\-', './-', 'x/-'],
    ['(?i)abc', 'AbC', 'abd'],
    ['(?i:a)b', 'Ab', 'aB'],
    ['(?i)[a-c]x', 'BX', 'dx'],
    ['(?s)a.b', 'a\nb', 'ab'],
    ['(?m)^b$', 'a\nb\nc', 'ab'],
    ['a.b', 'a-b', 'a\nb'],
    ['(?P<name>a)(?:b)(?<n>c)', 'abc', 'ab'],
    ['a*?b', 'aab', 'aa'],
    ['(a|b)*c', 'ababc', 'abab'],
    ['(^|/)\\.git(/|$)', 'a/.git', 'a.git'],
    ['(|a)b', 'b', 'a'],
    ['(?i)é', 'é', 'e'],
  ];
  for (const [pattern, yes, no] of cases) {
    const regexp = parseRegexp(pattern, 'test');
    t.ok(regexp.test(yes), `${pattern} matches ${JSON.stringify(yes)}`);
    t.notOk(regexp.test(no), `${pattern} does not match ${JSON.stringify(no)}`);
  }
});

t.test('what is no regular expression is refused with the reason', async (t) => {
  const broken: readonly (readonly [string, RegExp])[] = [
    ['(', /"\(" without/],
    [')', /"\)" without/],
    ['[a', /"\[" without/],
    ['*a', /nothing before/],
    ['a**', /nested quantifiers/],
    ['a{3,2}', /repeat count/],
    ['a{2000}', /repeat count/],
    ['[b-a]', /backwards/],
    ['\\', /ends too early/],
    ['\\1', /unknown escape/],
    ['(?=a)', /kind of group/],
    ['(?<!a)', /kind of group/],
    ['[[:foo:]]', /unknown class/],
    ['\\x{110000}', /code point/],
    ['((a{1000}){1000}){1000}', /too large/],
    ['('.repeat(300), /nested too deeply/],
    ['a'.repeat(5000), /longer than/],
  ];
  for (const [pattern, why] of broken) {
    const error = await failure(() => parseRegexp(pattern, '--exclude'));
    t.equal(error?.code, 'USAGE_INVALID', pattern.slice(0, 40));
    t.match(error?.message, why);
  }
});

t.test('G09 empty repetitions and exponential patterns end', async (t) => {
  t.ok(parseRegexp('((((){1000}){1000}){1000})*a', 'test').test('a'));
  t.notOk(parseRegexp('^(a+)+$', 'test').test(`${'a'.repeat(20_000)}!`));
  t.notOk(parseRegexp('(x+x+)+y', 'test').test('x'.repeat(20_000)));
});

t.test('agrees with JavaScript on what both understand', async () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '\\w', '^', '$', '\\b');
  const quantified = fc
    .tuple(
      atom.filter((text) => !['^', '$', '\\b'].includes(text)),
      fc.constantFrom('', '*', '+', '?', '{1,2}'),
    )
    .map((parts) => parts.join(''));
  const { pattern } = fc.letrec<{ pattern: string; group: string }>((tie) => ({
    pattern: fc
      .array(fc.oneof({ maxDepth: 3 }, quantified, atom, tie('group')), { maxLength: 4 })
      .map((parts) => parts.join('')),
    group: fc
      .tuple(tie('pattern'), tie('pattern'), fc.constantFrom('', '*', '?'))
      .map(([a, b, suffix]) => `(${a}|${b})${suffix}`),
  }));
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', '-', ' '), maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(pattern, text, async (source, subject) => {
      return parseRegexp(source, 'test').test(subject) === new RegExp(source, 'u').test(subject);
    }),
    { numRuns: 3000 },
  );
});
