/** What the documents say is what the code does. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { parseFolderTable } from '../../.ci/check/folder-table.ts';
import { openProject } from '../../.ci/check/project.ts';
import { limits } from '../../.ci/check/sizes.ts';
import { cliDocument } from '../../.ci/cli-docs.ts';
import { commands } from '../../src/cli/commands/index.ts';
import { errorCodes, exitCodeOf } from '../../src/errors/index.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const project = openProject(root);

t.test('README lists every error code under its exit code, and no other', async (t) => {
  const rows = [...read('README.md').matchAll(/^\| (\d+) \| [^|]+ \| ([^|]*)\|$/gm)];
  const documented = rows.flatMap(([, exit, codes = '']) =>
    [...codes.matchAll(/`(\w+)`/g)].map(([, code]) => `${exit} ${code}`),
  );
  t.strictSame(
    documented,
    errorCodes.map((code) => `${exitCodeOf(code)} ${code}`),
  );
  const exits = rows.map(([, exit]) => Number(exit));
  t.strictSame(
    exits,
    [...new Set([0, ...errorCodes.map(exitCodeOf)])],
    'each exit code has one row',
  );
});

t.test('CONTRIBUTING has a row for each folder, and the sizes that are checked', async (t) => {
  const text = read('CONTRIBUTING.md');
  const rows = parseFolderTable(text).map(({ name }) => name);
  const folders = project.sources.map(({ path }) => path.split('/')[1] ?? '');
  t.strictSame(rows.toSorted(), [...new Set(folders)].toSorted());
  const { file, function: fn } = limits;
  const sizes = `File median <= ${file.median} lines, p90 <= ${file.p90}, max ${file.max}; function p90 <= ${fn.p90} lines, max ${fn.max}.`;
  t.ok(text.includes(sizes), sizes);
});

t.test('docs/cli.md is what the tables say', async (t) => {
  t.equal(read('docs/cli.md'), cliDocument(), 'run `npm run docs`');
});

t.test('the first words of README name commands that exist', async (t) => {
  const named = [...read('README.md').matchAll(/^ {4}s2oci (\w+)/gm)].map(([, name]) => name);
  const known = commands.map(({ name }) => name);
  t.ok(named.length > 0);
  t.strictSame(
    named.filter((name) => name !== undefined && !known.includes(name)),
    [],
  );
});

t.test('what documents import of the library is there', async (t) => {
  const exported = await import('../../src/index.ts');
  const documents = project.tracked().filter((path) => path.endsWith('.md'));
  const imports = documents.flatMap((path) => [
    ...read(path).matchAll(/^ *import \{([^}]*)\} from 's2oci'/gm),
  ]);
  const names = imports.flatMap(([, list = '']) => list.split(',').map((name) => name.trim()));
  t.ok(names.includes('Registry'));
  for (const name of names) t.ok(name in exported, name);
});

t.test('links between documents lead somewhere', async (t) => {
  const documents = project.tracked().filter((path) => path.endsWith('.md'));
  t.ok(documents.length > 10);
  const broken = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
  t.strictSame(broken, []);
});

t.test(
  'docs/README.md lists every document, and decisions are numbered without gaps',
  async (t) => {
    const index = read('docs/README.md');
    const pages = readdirSync(join(root, 'docs')).filter(
      (name) => name.endsWith('.md') && name !== 'README.md',
    );
    t.strictSame(
      pages.filter((name) => !index.includes(`(${name})`)),
      [],
    );
    const decisions = readdirSync(join(root, 'docs/adr')).toSorted();
    t.strictSame(
      decisions.filter((name) => !index.includes(`(adr/${name})`)),
      [],
    );
    t.strictSame(
      decisions.map((name) => Number(name.slice(0, 4))),
      decisions.map((_, index) => index + 1),
    );
  },
);

t.test('folders with more than three files have a README', async (t) => {
  const counts = Map.groupBy(project.sources, ({ path }) => path.split('/').slice(0, 2).join('/'));
  const large = [...counts].filter(
    ([folder, files]) => files.length > 3 && !folder.endsWith('.ts'),
  );
  t.strictSame(
    large
      .map(([folder]) => folder)
      .filter((folder) => !existsSync(join(root, folder, 'README.md'))),
    [],
  );
});

t.test('the package says what the files say', async (t) => {
  const { version, license, bin } = JSON.parse(read('package.json'));
  t.match(
    read('CHANGELOG.md'),
    new RegExp(`## \\[(Unreleased|${version.replaceAll('.', '\\.')})\\]`),
  );
  t.equal(license, 'Apache-2.0');
  t.match(read('LICENSE'), /Apache License\s+Version 2\.0, January 2004/);
  const said = execFileSync(process.execPath, [join(root, bin.s2oci), 'version'], {
    encoding: 'utf8',
  });
  t.equal(said, `s2oci ${version}\n`);
});
