/** The checks of single sources (comments, sizes, globals, regular expressions) find each violation. */

import t from 'tap';
import { documentationCheck } from '../../.ci/check/documentation.ts';
import { globalsCheck, mayUseGlobals } from '../../.ci/check/globals.ts';
import { hasNestedQuantifiers, regexpsCheck } from '../../.ci/check/regexps.ts';
import { quantile, sizesCheck } from '../../.ci/check/sizes.ts';
import { problemsOf } from './project.ts';

const header = '/** What it is for. */\n';
const lines = (count: number, line: string) => `${line}\n`.repeat(count);

t.test('documentation', async (t) => {
  const cases: readonly (readonly [string, string, RegExp | undefined])[] = [
    ['header and docstrings', `${header}/** One. */\nexport const a = 1;`, undefined],
    ['a header after a hash bang', `#!/usr/bin/env node\n${header}export {};`, undefined],
    [
      'a documented overload',
      `${header}/** Adds. */\nexport function f(a: string): void;\nexport function f(a: unknown): void {}`,
      undefined,
    ],
    ['what is exported by name', `${header}/** One. */\nconst a = 1;\nexport { a };`, undefined],
    ['what is not exported', `${header}const a = 1;`, undefined],
    ['no header', 'export {};', /has no header comment/],
    ['an empty header', '/** */\nexport {};', /has no header comment/],
    ['a line comment as header', '// text\nexport {};', /has no header comment/],
    ['a header as the only docstring', `${header}export const a = 1;`, /export a has no docstring/],
    ['an empty docstring', `${header}import 'x';\n/** */\nexport const a = 1;`, /export a has no/],
    [
      'a function',
      `${header}import 'x';\nexport function f(): void {}`,
      /:3: export f has no docstring/,
    ],
    ['an async function', `${header}import 'x';\nexport async function f() {}`, /export f has no/],
    ['a class', `${header}import 'x';\nexport class C {}`, /export C has no docstring/],
    ['an abstract class', `${header}import 'x';\nexport abstract class C {}`, /export C has no/],
    ['an interface', `${header}import 'x';\nexport interface I {}`, /export I has no docstring/],
    ['a type', `${header}import 'x';\nexport type T = 1;`, /export T has no docstring/],
    [
      'an export by name',
      `${header}import 'x';\nconst a = 1;\nexport { a as b };`,
      /export a has no/,
    ],
  ];
  for (const [name, source, expected] of cases) {
    t.test(name, async (t) => {
      const problems = await problemsOf(t, documentationCheck, { 'src/a.ts': source });
      t.match(problems, expected === undefined ? [] : [expected]);
      t.equal(problems.length, expected === undefined ? 0 : 1);
    });
  }
});

t.test('sizes', async (t) => {
  const statement = 'call();';
  const functionOf = (count: number) => `function f() {\n${lines(count - 2, statement)}}\n`;
  const small = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`src/small-${index}.ts`, functionOf(5)]),
  );
  const cases: readonly (readonly [string, Record<string, string>, RegExp | undefined])[] = [
    ['a file of 400 lines', { 'src/a.ts': lines(400, statement) }, undefined],
    ['blank lines do not count', { 'src/a.ts': lines(400, `${statement}\n`) }, undefined],
    ['a file of 401 lines', { 'src/a.ts': lines(401, statement) }, /a\.ts: file of 401 lines/],
    ['a function of 60 lines', { 'src/a.ts': functionOf(60) }, undefined],
    ['a function of 61 lines', { 'src/a.ts': functionOf(61) }, /a\.ts:1: function of 61 lines/],
    [
      'a method',
      { 'src/a.ts': `class C {\nm() {\n${lines(60, statement)}}\n}` },
      /a\.ts:2: function of 62/,
    ],
    [
      'an arrow function',
      { 'src/a.ts': `const f = () => {\n${lines(60, statement)}};` },
      /function of 62/,
    ],
  ];
  for (const [name, files, expected] of cases) {
    t.test(name, async (t) => {
      const problems = await problemsOf(t, sizesCheck, { ...small, ...files });
      t.match(problems, expected === undefined ? [] : [expected]);
      t.equal(problems.length, expected === undefined ? 0 : 1);
    });
  }
  t.test('many files of middling size', async (t) => {
    const files = { 'src/a.ts': lines(91, statement), 'src/b.ts': lines(251, statement) };
    const problems = await problemsOf(t, sizesCheck, files);
    t.match(problems, [/file median is 91 lines/, /file p90 is 251 lines/]);
  });
  t.test('many functions of middling size', async (t) => {
    const problems = await problemsOf(t, sizesCheck, { 'src/a.ts': functionOf(31) });
    t.match(problems, [/function p90 is 31 lines/]);
  });
  t.test('quantiles', async (t) => {
    const measured = [5, 1, 3, 2, 4].map((lines) => ({ place: '', lines }));
    t.strictSame([quantile(measured, 0.5), quantile(measured, 0.9), quantile([], 0.5)], [3, 5, 0]);
  });
});

t.test('globals', async (t) => {
  const cases: readonly (readonly [string, string, RegExp | undefined])[] = [
    ['process', 'const a = process.env;', /a\.ts:1: uses process/],
    ['console', 'console.log(1);', /uses console/],
    ['behind globalThis', 'globalThis.process.exit();', /uses process/],
    ['in a shorthand', 'const a = { process };', /uses process/],
    ['as an import', "import process from 'node:process';", /uses process/],
    ['as an import without scheme', "import * as p from 'process';", /uses process/],
    ['as a named import', "import { env } from 'node:process';", /uses process/],
    [
      'in a function that declares it in another one',
      'function f(process) {}\nprocess.exit();',
      /:2: uses/,
    ],
    ['kill is a system call', "import { kill as signal } from 'node:process';", undefined],
    ['a property of that name', 'child.process.kill(); const a = { process: 1 };', undefined],
    ['a parameter of that name', 'function f(process: X) { process.run(); }', undefined],
    ['a destructured parameter', 'const f = ({ process }: X) => process.run();', undefined],
    ['a variable of that name', 'const process = spawn();\nprocess.kill();', undefined],
    ['a method of that name', 'class C { process(): void {} }', undefined],
  ];
  for (const [name, source, expected] of cases) {
    t.test(name, async (t) => {
      const problems = await problemsOf(t, globalsCheck, { 'src/tar/a.ts': source });
      t.match(problems, expected === undefined ? [] : [expected]);
      t.equal(problems.length > 0, expected !== undefined);
    });
  }
  t.test('who may use them', async (t) => {
    const source = 'process.exit();';
    const allowed = ['src/cli/a.ts', 'src/agent/main.ts', 'src/agent/agent-main.ts'];
    const denied = ['src/domain.ts', 'src/agent/main-loop.ts', 'src/client/a.ts'];
    t.strictSame(allowed.filter(mayUseGlobals), allowed);
    t.strictSame(denied.filter(mayUseGlobals), []);
    const files = Object.fromEntries([...allowed, ...denied].map((path) => [path, source]));
    t.equal((await problemsOf(t, globalsCheck, files)).length, denied.length);
  });
});

t.test('regular expressions', async (t) => {
  const nested = [
    '(a+)+',
    '(a*b?)*',
    '((a+)b)+',
    '(?:x|y+){2,}',
    '([a-z]+){0,2000}',
    '(?<n>a+)*',
    '(a{1,})+',
    '(?:-[a-z-]+)*',
    '(?:\\.\\S+)*',
    '(?:,?a+)*',
    '(?:,(?:a+))*',
    '(?:,a+|b+)*',
    '(?:.a+)*',
  ];
  const flat = [
    'a+b+',
    '(ab)+',
    '(a?)+',
    '(?:\\.\\d+)+',
    '(?:,[a-z]+)*',
    '(?<x>-a+b*)+',
    '[(a+)+]',
    '\\(a+\\)+',
    '(a{1,5})+',
    '(a+)?',
    '(a+){3}',
    '[\\]+]*',
  ];
  t.strictSame(nested.filter(hasNestedQuantifiers), nested);
  t.strictSame(flat.filter(hasNestedQuantifiers), []);
  t.test('literals and constructors are found', async (t) => {
    const source = "const a = /(x+)+/;\nconst b = new RegExp('(y+)+');\nconst c = /x+/;";
    const problems = await problemsOf(t, regexpsCheck, { 'src/a.ts': source });
    t.match(problems, [/a\.ts:1: nested quantifiers/, /a\.ts:2: nested quantifiers/]);
    t.equal(problems.length, 2);
  });
  t.test('a reason on the line above excuses', async (t) => {
    const source = '// linear: the separator is not in the class\nconst a = /(?:x+,)+/;';
    t.strictSame(await problemsOf(t, regexpsCheck, { 'src/a.ts': source }), []);
  });
});
