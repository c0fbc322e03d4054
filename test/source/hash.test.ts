import { chmod, mkdir, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { digestOf } from '../../src/model/index.ts';
import {
  defaultExclude,
  hashSource,
  type IgnoreRules,
  parseIgnoreFile,
  stampSource,
} from '../../src/source/index.ts';
import { temporaryDirectory, writeFiles } from './support.ts';

const files = { 'a.txt': 'a', 'sub/b.txt': 'b', 'sub/c.md': 'c' };
const ignore = { exclude: defaultExclude };

/** One digest of all entries, to compare sources by. */
async function digestSource(path: string, rules: IgnoreRules = ignore): Promise<string> {
  const { entries } = await hashSource({ path, ignore: rules });
  return digestOf(JSON.stringify(entries));
}

t.test('the same content has the same digest, wherever and whenever it is', async (t) => {
  const [one, two] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  await writeFiles(one, files);
  await writeFiles(two, Object.fromEntries(Object.entries(files).toReversed()));
  await utimes(join(two, 'a.txt'), 1, 1);
  await writeFiles(two, { '.git/config': 'x' });
  const digest = await digestSource(one);
  t.equal(await digestSource(two), digest);
});

t.test('every change that a build could see changes the digest', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, files);
  const seen = new Set([await digestSource(root)]);
  const changes: readonly (() => Promise<unknown>)[] = [
    () => writeFile(join(root, 'a.txt'), 'b'),
    () => chmod(join(root, 'a.txt'), 0o755),
    () => mkdir(join(root, 'empty')),
    () => symlink('a.txt', join(root, 'link')),
    () => unlink(join(root, 'link')).then(() => symlink('b.txt', join(root, 'link'))),
    () => unlink(join(root, 'link')).then(() => writeFile(join(root, 'link'), 'b.txt')),
    () => unlink(join(root, 'sub/c.md')),
    () => writeFile(join(root, 'empty/x'), ''),
    () => writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff])]), ''),
  ];
  for (const change of changes) {
    await change();
    seen.add(await digestSource(root));
  }
  t.equal(seen.size, changes.length + 1);
});

t.test('entries come in the order of a walk, with what decides about them', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, { 'sub/b': 'b', 'sub.x': '', a: '' });
  await chmod(join(root, 'sub.x'), 0o775);
  await symlink('a', join(root, 'link'));
  const { entries } = await hashSource({ path: root, ignore });
  t.same(
    entries.map(({ path, kind }) => `${kind} ${path}`),
    ['file a', 'symlink link', 'directory sub', 'file sub/b', 'file sub.x'],
  );
  t.match(entries.at(-1)?.value, /^755 [0-9a-f]{64}$/, 'group and others cannot write');
});

t.test('the stamp tells that something was written, also when it is the same', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, files);
  const { stamp } = await hashSource({ path: root, ignore });
  t.equal(await stampSource({ path: root, ignore }), stamp, 'reading is no change');
  await chmod(join(root, 'sub/b.txt'), 0o600);
  t.not(await stampSource({ path: root, ignore }), stamp);
  const again = await stampSource({ path: root, ignore });
  await writeFiles(root, { 'sub/new': '' });
  t.not(await stampSource({ path: root, ignore }), again);
});

t.test('what is left out does not count', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, files);
  const rules = { exclude: '', file: parseIgnoreFile('*.log\ntmp\n', 'f', 's2i') };
  const digest = await digestSource(root, rules);
  await writeFiles(root, { 'x.log': 'x', 'tmp/y': 'y' });
  t.equal(await digestSource(root, rules), digest);
  t.not(await digestSource(root), digest);
});

t.test('X08 names and contents cannot be mistaken for one another', async (t) => {
  const [one, two] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  await writeFiles(one, { a: '', b: '' });
  await writeFiles(two, { 'a\nfile\nb': '' });
  t.not(await digestSource(one), await digestSource(two));
});

t.test('an abort ends it', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, files);
  await t.rejects(hashSource({ path: root, ignore }, AbortSignal.abort(new Error('enough'))), {
    message: 'enough',
  });
});
