import t from 'tap';
import { byteStringFrom, byteStringOf } from '../../src/model/index.ts';
import {
  compileIgnore,
  defaultExclude,
  type IgnoreSyntax,
  parseIgnoreFile,
} from '../../src/source/index.ts';
import { fc } from '../support/property.ts';
import { failure } from './support.ts';

/** What of some files is kept. */
function kept(patterns: string, paths: string, syntax: IgnoreSyntax = 's2i', exclude = ''): string {
  const matcher = compileIgnore({ file: parseIgnoreFile(patterns, '.s2iignore', syntax), exclude });
  return paths
    .split(' ')
    .filter((path) => !matcher.ignores(byteStringOf(path), false))
    .join(' ');
}

const tree = 'one.md two.md keep.md sub/one.md sub/keep.md sub/deep/one.md .hidden';

t.test('B1 the nine upstream cases', async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['blank lines', '\n\n  \n', tree],
    ['single file', 'one.md', 'two.md keep.md sub/one.md sub/keep.md sub/deep/one.md .hidden'],
    ['wildcard', '*.md', 'sub/one.md sub/keep.md sub/deep/one.md .hidden'],
    ['exclusion', '*.md\n!keep.md', 'keep.md sub/one.md sub/keep.md sub/deep/one.md .hidden'],
    ['sub directories', 'sub/*.md', 'one.md two.md keep.md sub/deep/one.md .hidden'],
    [
      'basic deletion and keeping mixed',
      '*.md\n!two.md\nsub/one.md',
      'two.md sub/keep.md sub/deep/one.md .hidden',
    ],
    ['exclude override', '!keep.md\n*.md', 'sub/one.md sub/keep.md sub/deep/one.md .hidden'],
    [
      'exclusion with wildcard',
      '*.md\n!k*.md',
      'keep.md sub/one.md sub/keep.md sub/deep/one.md .hidden',
    ],
    ['hopeless exclusion', 'sub\n!sub/keep.md', 'one.md two.md keep.md .hidden'],
  ];
  for (const [name, patterns, expected] of cases) t.equal(kept(patterns, tree), expected, name);
});

const sampleTree = 'top.md keep.md .hidden a/x.md a/b/y.md ign/z ign/k';
const sample = ['*.md', '!keep.md', 'a/*.md', 'ign/', '!ign/k', '.hid*', '**/y.md'];

t.test('B2 the golden sample', async (t) => {
  t.equal(kept(sample.join('\n'), sampleTree), 'keep.md a/b/y.md');
});

t.test('B3 CRLF makes no difference, nor does a byte order mark', async (t) => {
  t.equal(kept(`\ufeff${sample.join('\r\n')}\r\n`, sampleTree), 'keep.md a/b/y.md');
});

t.test('B4 patterns cannot reach outside of the source', async (t) => {
  const file = parseIgnoreFile('../x\na/../../y\n..\n/\n.\n', '.s2iignore', 's2i');
  t.same(file.patterns, []);
  t.equal(file.warnings.length, 5);
  t.equal(
    kept('/one.md\na/../two.md', tree),
    'keep.md sub/one.md sub/keep.md sub/deep/one.md .hidden',
  );
});

t.test('B5 the syntax of single patterns', async (t) => {
  t.equal(kept('a?c', 'abc ac a/c aüc'), 'ac a/c');
  t.equal(kept('[a-c]x', 'ax bx dx'), 'dx');
  t.equal(kept('[^a]x', 'ax bx /x'), 'ax /x');
  t.equal(kept('\\*x', '*x ax'), 'ax');
  t.equal(kept('# comment\n#x', '#x'), '#x');
  t.equal(kept('  a  ', 'a b'), 'b');
  t.equal(kept('dir/', 'dir/a dir/b/c dirx'), 'dirx');
  t.equal(kept('*', 'a b/c .d'), '');
  t.match(parseIgnoreFile('[a\nx\\', 'f', 's2i').warnings, [
    /line 1.*malformed/,
    /line 2.*malformed/,
  ]);
});

t.test('B6 a double star in .s2iignore is said to match one directory only', async (t) => {
  t.match(parseIgnoreFile('**/x', '.s2iignore', 's2i').warnings, [
    /line 1: "\*\*" matches one directory/,
  ]);
  t.equal(kept('**/x', 'x a/x a/b/x'), 'x a/b/x');
});

t.test('B7 a first line switches .s2iignore to the syntax of .dockerignore', async (t) => {
  const text = ['# syntax=dockerignore', ...sample].join('\n');
  t.equal(kept(text, sampleTree), 'keep.md ign/k');
  t.equal(kept(`# syntax: dockerignore\n**/x`, 'x a/x a/b/x ax'), 'ax');
});

t.test('the syntax of .dockerignore', async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['**/*.o', 'a.o b/c.o d/e/f.o g.c', 'g.c'],
    ['a/**/z', 'a/z a/b/z a/b/c/z b/z', 'b/z'],
    ['a/**', 'a/x a/b/c b', 'b'],
    ['**', 'a b/c', ''],
    ['*\n!src\n!package.json', 'src/a/b package.json x y/z', 'src/a/b package.json'],
    ['src\n!src/keep/**', 'src/a src/keep/b src/keep/c/d', 'src/keep/b src/keep/c/d'],
    [
      'docs/*.md\n!docs/README.md',
      'docs/a.md docs/README.md docs/x/a.md',
      'docs/README.md docs/x/a.md',
    ],
    ['/abs', 'abs/x y/abs', 'y/abs'],
    ['!x\nx', 'x', ''],
    ['temp?', 'tempa temp tempab', 'temp tempab'],
    ['a**b', 'ab a/b ax/b axb', 'axb'],
  ];
  for (const [patterns, paths, expected] of cases)
    t.equal(kept(patterns, paths, 'dockerignore'), expected, patterns);
});

t.test('directories are pruned unless something in them can come back', async (t) => {
  const rules = (text: string, syntax: IgnoreSyntax) =>
    compileIgnore({ file: parseIgnoreFile(text, 'f', syntax), exclude: defaultExclude });
  const sub = byteStringOf('sub');
  t.ok(rules('sub\n!sub/x', 's2i').prunes(sub), 'never in .s2iignore');
  t.notOk(rules('sub\n!sub/x', 'dockerignore').prunes(sub));
  t.ok(rules('sub', 'dockerignore').prunes(sub));
  t.ok(rules('sub\n!sub/x', 'dockerignore').prunes(byteStringOf('.git')), 'excluded is excluded');
  t.notOk(rules('', 's2i').prunes(sub));
});

t.test('--exclude is a regular expression over relative paths; .git by default', async (t) => {
  const paths = 'a .git .git/config x/.git/y .gitignore x.git';
  t.equal(kept('', paths, 's2i', defaultExclude), 'a .gitignore x.git');
  t.equal(kept('', paths, 's2i', ''), paths);
  t.equal(
    kept('', 'a/node_modules a/node_modules/x b', 's2i', 'node_modules$'),
    'b',
    'with all below',
  );
  t.equal(kept('', 'a.log b.txt', 's2i', '\\.(log|tmp)$'), 'b.txt');
  t.equal((await failure(() => compileIgnore({ exclude: '(' })))?.code, 'USAGE_INVALID');
});

t.test('what went to another place is left out, and nothing around it', async (t) => {
  const paths = '.s2i .s2i/bin .s2i/bin/run .s2i/bin/run/x .s2i/bin/runs';
  const matcher = compileIgnore({ exclude: '', moved: ['.s2i/bin/run'] });
  const left = paths.split(' ').filter((path) => matcher.ignores(byteStringOf(path), false));
  t.same(left, ['.s2i/bin/run']);
  t.notOk(matcher.prunes(byteStringOf('.s2i/bin')));
});

t.test('rules are plain data that survive a trip through JSON', async (t) => {
  const rules = { file: parseIgnoreFile('*.md', 'f', 's2i'), exclude: defaultExclude };
  const matcher = compileIgnore(JSON.parse(JSON.stringify(rules)));
  t.ok(matcher.ignores(byteStringOf('a.md'), false));
});

t.test('names that are not UTF-8 are matched byte by byte', async (t) => {
  const matcher = compileIgnore({ file: parseIgnoreFile('x*', 'f', 's2i'), exclude: '' });
  t.ok(matcher.ignores(byteStringFrom(Buffer.from([0x78, 0xff])), false));
  t.notOk(matcher.ignores(byteStringFrom(Buffer.from([0xff, 0x78])), false));
  t.ok(
    compileIgnore({ file: parseIgnoreFile('\ufffd', 'f', 's2i'), exclude: '' }).ignores(
      byteStringOf('\ufffd'),
      false,
    ),
  );
});

t.test('G09 ReDoS: hostile ignore files and expressions end', async (t) => {
  const stars = parseIgnoreFile(`${'**/'.repeat(300)}x\n${'*a'.repeat(200)}b`, 'f', 'dockerignore');
  const long = byteStringOf(`${`${'a'.repeat(200)}/`.repeat(18)}z`);
  t.notOk(compileIgnore({ file: stars, exclude: '(a*)*(a|aa)*(a|ab|b)*c$' }).ignores(long, false));
  const lines = Array.from({ length: 200_000 }, (_, index) => `line${index}`).join('\n');
  const many = compileIgnore({ file: parseIgnoreFile(lines, 'f', 's2i'), exclude: '' });
  t.ok(many.ignores(byteStringOf('line199999/x'), false));
  t.notOk(many.ignores(byteStringOf('line200000'), false));
  const wild = Array.from({ length: 10_000 }, (_, index) => `*${index}*`).join('\n');
  t.equal(
    (await failure(() => parseIgnoreFile(`${wild}\n${wild.replaceAll('*', '?')}`, 'f', 's2i')))
      ?.code,
    'LIMIT_EXCEEDED',
  );
});

t.test(
  'a pattern without wildcards ignores exactly itself and what is below, whatever it is',
  async () => {
    const component = fc
      .stringMatching(/^[a-z0-9._ -]{1,6}$/)
      .filter((text) => text.trim() === text && !/^(?:\.{1,2}|[#!].*)$/.test(text));
    await fc.assert(
      fc.asyncProperty(
        fc.array(component, { minLength: 1, maxLength: 4 }),
        component,
        async (parts, other) => {
          const path = parts.join('/');
          const matcher = compileIgnore({ file: parseIgnoreFile(path, 'f', 's2i'), exclude: '' });
          return (
            matcher.ignores(byteStringOf(path), false) &&
            matcher.ignores(byteStringOf(`${path}/${other}`), false) &&
            !matcher.ignores(byteStringOf(`${path}x`), false)
          );
        },
      ),
    );
  },
);
