/** The import rules of `npm run check` find each kind of violation. */

import t from 'tap';
import { architectureCheck } from '../../.ci/check/architecture.ts';
import { parseFolderTable } from '../../.ci/check/folder-table.ts';
import { findCycles } from '../../.ci/check/imports.ts';
import { folderTable, problemsOf } from './project.ts';

const complete = {
  'CONTRIBUTING.md': folderTable,
  'src/errors/index.ts': 'export const a = 1;',
  'src/model/index.ts': "export { a } from '../errors/index.ts';",
  'src/blob/index.ts': "import type { a } from '../model/index.ts';",
  'src/tar/index.ts': "import '../errors/index.ts';",
  'src/store/index.ts': "import '../blob/index.ts';\nimport './inner.ts';",
  'src/store/inner.ts': "import fs from 'node:fs';",
  'src/cli/index.ts': "await import('../store/index.ts');",
  'src/index.ts': "export * from './store/index.ts';",
};

t.test('a tree that follows the table passes', async (t) => {
  t.strictSame(await problemsOf(t, architectureCheck, complete), []);
});

const violations = [
  [
    'an import from below',
    'src/errors/index.ts',
    "import '../model/index.ts';",
    /errors may not import model/,
  ],
  [
    'an import of a sibling',
    'src/tar/index.ts',
    "import '../blob/index.ts';",
    /tar may not import blob/,
  ],
  [
    'an import in a type',
    'src/errors/index.ts',
    "type A = import('../model/index.ts').A;",
    /may not/,
  ],
  ['a dynamic import', 'src/errors/index.ts', "await import('../cli/index.ts');", /may not/],
  ['a re-export', 'src/errors/index.ts', "export * from '../tar/index.ts';", /may not/],
  [
    'an inner file',
    'src/cli/index.ts',
    "import '../store/inner.ts';",
    /imports an inner file of store/,
  ],
  ['a missing extension', 'src/store/index.ts', "import './inner';", /does not end in \.ts/],
  ['a missing file', 'src/store/index.ts', "import './gone.ts';", /what does not exist/],
  [
    'the library importing cli',
    'src/index.ts',
    "import './cli/index.ts';",
    /index\.ts may not import cli/,
  ],
  [
    'a file outside src',
    'src/cli/index.ts',
    "import '../../test/x.ts';",
    /does not exist|outside src/,
  ],
  ['a folder without a row', 'src/other/index.ts', '', /src\/other has no row/],
  [
    'a cycle',
    'src/store/inner.ts',
    "import './index.ts';",
    /import cycle: src\/store\/index\.ts, src\/store\/inner\.ts/,
  ],
] as const;

for (const [name, path, content, expected] of violations) {
  t.test(`${name} is found`, async (t) => {
    const problems = await problemsOf(t, architectureCheck, { ...complete, [path]: content });
    t.match(problems.join('\n'), expected);
    t.ok(problems.length > 0);
  });
}

t.test('a row without a folder is found', async (t) => {
  const { 'src/tar/index.ts': _, ...rest } = complete;
  const problems = await problemsOf(t, architectureCheck, rest);
  t.match(problems, [/names src\/tar, which has no source/]);
});

t.test('a table that lets a folder import what stands below it is found', async (t) => {
  const table = folderTable.replace('| values | errors |', '| values | errors, tar |');
  const problems = await problemsOf(t, architectureCheck, {
    ...complete,
    'CONTRIBUTING.md': table,
  });
  t.match(problems, [/model may import tar, which stands below it/]);
});

t.test('the table', async (t) => {
  const rules = new Map(parseFolderTable(folderTable).map((rule) => [rule.name, rule.mayImport]));
  t.strictSame(rules.get('errors'), new Set());
  t.strictSame(rules.get('store'), new Set(['blob', 'errors', 'model']), '"blob and above"');
  t.strictSame(
    rules.get('cli'),
    new Set(['errors', 'model', 'blob', 'tar', 'store']),
    '"all above"',
  );
  t.notOk(rules.get('index.ts')?.has('cli'), '"all but cli"');
  t.throws(() => parseFolderTable('no table'), /has no table/);
  t.throws(() => parseFolderTable(folderTable.replace('blob and', 'glob and')), /names "glob"/);
});

t.test('cycles of any length are found once, and diamonds are none', async (t) => {
  const edge = (from: string, to: string) => ({ from, to, specifier: to, place: from });
  const ring = [edge('a', 'b'), edge('b', 'c'), edge('c', 'a'), edge('d', 'a')];
  t.strictSame(findCycles(ring), [['a', 'b', 'c']]);
  t.strictSame(findCycles([edge('a', 'a')]), [['a']]);
  t.strictSame(findCycles([edge('a', 'b'), edge('a', 'c'), edge('b', 'd'), edge('c', 'd')]), []);
});
