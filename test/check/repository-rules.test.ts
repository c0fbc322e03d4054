/** The checks of the repository (dependencies, leaks, tools) and their runner find each violation. */

import t from 'tap';
import { dependenciesCheck } from '../../.ci/check/dependencies.ts';
import { findLeaks, machinePaths } from '../../.ci/check/leaks.ts';
import { openProject } from '../../.ci/check/project.ts';
import { runChecks } from '../../.ci/check/run.ts';
import { styleCheck, typesCheck } from '../../.ci/check/tools.ts';
import { problemsOf } from './project.ts';

t.test('dependencies', async (t) => {
  const lock = (packages: object) => ({ 'package-lock.json': JSON.stringify({ packages }) });
  const many = Array.from({ length: 26 }, (_, index) => [
    `node_modules/p${index}`,
    { version: '1.0.0' },
  ]);
  const root = { devDependencies: { 'tar-stream': '3.2.1' } };
  const cases: readonly (readonly [string, object, RegExp | undefined])[] = [
    ['versions at their floor', { 'node_modules/undici': { version: '7.29.0' } }, undefined],
    ['versions above their floor', { 'node_modules/undici': { version: '8.0.1' } }, undefined],
    [
      'a version below',
      { 'node_modules/undici': { version: '7.28.9' } },
      /undici is 7\.28\.9, at least 7\.29\.0/,
    ],
    [
      'a pre-release',
      { 'node_modules/undici': { version: '7.29.0-rc.1' } },
      /undici is 7\.29\.0-rc\.1/,
    ],
    [
      'a nested version below',
      { 'node_modules/a/node_modules/undici': { version: '6.0.0' } },
      /undici/,
    ],
    [
      'a tool with an old part',
      { 'node_modules/undici': { version: '6.0.0', dev: true } },
      undefined,
    ],
    [
      'an old direct devDependency',
      { '': root, 'node_modules/tar-stream': { version: '3.2.1', dev: true } },
      /tar-stream is 3\.2\.1/,
    ],
    [
      'a package that is not to be used',
      { 'node_modules/tar-fs': { version: '9.9.9' } },
      /not to be used at all/,
    ],
    [
      'an install script',
      { 'node_modules/a': { version: '1.0.0', hasInstallScript: true } },
      /runs a script/,
    ],
    [
      'an install script of a tool',
      { 'node_modules/a': { hasInstallScript: true, dev: true } },
      undefined,
    ],
    ['too many packages', Object.fromEntries(many), /26 runtime packages, at most 25/],
    ['an empty lock file', {}, /lists no packages/],
  ];
  for (const [name, packages, expected] of cases) {
    t.test(name, async (t) => {
      const problems = await problemsOf(t, dependenciesCheck, lock(packages));
      t.match(problems, expected === undefined ? [] : [expected]);
      t.equal(problems.length, expected === undefined ? 0 : 1);
    });
  }
});

t.test('leaks', async (t) => {
  const root = t.testdir({
    project: { 'a.md': 'one\nsee /builds/of/me/x', 'b.md': 'fine' },
    other: {},
  });
  const project = openProject(`${root}/project`);
  const { problems } = findLeaks(project, [{ word: '/builds/of/me', what: 'a path' }]);
  t.strictSame(problems, ['a.md:2: holds a path: /builds/of/me']);
  t.strictSame(findLeaks(project, [{ word: 'absent', what: '' }]).problems, []);
  const words = machinePaths(`${root}/project`).map(({ word }) => word);
  t.ok(words.includes(`${root}/project`), 'the checkout');
  t.ok(words.includes(`${root}/other`), 'its neighbour');
  t.strictSame(machinePaths('/app'), [], 'a path that any machine may have is none of this one');
});

t.test('types', { timeout: 120_000 }, async (t) => {
  const modules = t.fixture('symlink', `${import.meta.dirname}/../../node_modules`);
  const files = {
    'tsconfig.json': '{"include":["a.ts"],"compilerOptions":{"noEmit":true,"types":[]}}',
  };
  const good = t.testdir({
    ...files,
    node_modules: modules,
    'a.ts': 'export const a: number = 1;',
  });
  t.strictSame((await typesCheck.run(openProject(good))).problems, []);
});

t.test('a wrong type is found', { timeout: 120_000 }, async (t) => {
  const modules = t.fixture('symlink', `${import.meta.dirname}/../../node_modules`);
  const files = {
    'tsconfig.json': '{"include":["a.ts"],"compilerOptions":{"noEmit":true,"types":[]}}',
  };
  const bad = t.testdir({
    ...files,
    node_modules: modules,
    'a.ts': "export const a: number = '';",
  });
  t.match((await typesCheck.run(openProject(bad))).problems, [/a\.ts\(1,14\): error TS2322/]);
});

t.test('style', async (t) => {
  const modules = t.fixture('symlink', `${import.meta.dirname}/../../node_modules`);
  const biome = '{ "formatter": { "indentStyle": "space" } }\n';
  const good = t.testdir({
    node_modules: modules,
    'biome.json': biome,
    'a.ts': 'export const a = 1;\n',
  });
  t.strictSame((await styleCheck.run(openProject(good))).problems, []);
});

t.test('a wrong format is found', async (t) => {
  const modules = t.fixture('symlink', `${import.meta.dirname}/../../node_modules`);
  const bad = t.testdir({
    node_modules: modules,
    'biome.json': '{}',
    'a.ts': 'export const a=1\n',
  });
  t.match((await styleCheck.run(openProject(bad))).problems.join('\n'), /a\.ts: format/);
});

t.test('the runner counts, lists problems and survives a check that throws', async (t) => {
  const written: string[] = [];
  const project = openProject(t.testdir({}));
  const tally = await runChecks(
    project,
    [
      { name: 'good', run: () => ({ summary: '7 things', problems: [] }) },
      { name: 'bad', run: () => ({ summary: '', problems: Array(41).fill('a.ts:1: wrong') }) },
      { name: 'broken', run: () => Promise.reject(new Error('boom')) },
    ],
    (line) => written.push(line),
  );
  t.strictSame(tally, { passed: 1, failed: 2 });
  t.match(written[0], /^ok {3}good +7 things$/);
  t.match(written[1], /^FAIL bad +41 problems$/);
  t.equal(written.filter((line) => line.includes('a.ts:1: wrong')).length, 40);
  t.ok(written.includes('     and 1 more'));
  t.ok(written.includes('     Error: boom'));
});
