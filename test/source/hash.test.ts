import { chmod, mkdir, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { defaultExclude, hashSource, parseIgnoreFile } from '../../src/source/index.ts';
import { temporaryDirectory, writeFiles } from './support.ts';

const files = { 'a.txt': 'a', 'sub/b.txt': 'b', 'sub/c.md': 'c' };
const ignore = { exclude: defaultExclude };

t.test('the same content has the same digest, wherever and whenever it is', async (t) => {
  const [one, two] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  await writeFiles(one, files);
  await writeFiles(two, Object.fromEntries(Object.entries(files).toReversed()));
  await utimes(join(two, 'a.txt'), 1, 1);
  await writeFiles(two, { '.git/config': 'x' });
  const digest = await hashSource({ path: one, ignore });
  t.match(digest, /^sha256:[0-9a-f]{64}$/);
  t.equal(await hashSource({ path: two, ignore }), digest);
});

t.test('every change that a build could see changes the digest', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, files);
  const seen = new Set([await hashSource({ path: root, ignore })]);
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
    seen.add(await hashSource({ path: root, ignore }));
  }
  t.equal(seen.size, changes.length + 1);
});

t.test('what is left out does not count', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, files);
  const rules = { exclude: '', file: parseIgnoreFile('*.log\ntmp\n', 'f', 's2i') };
  const digest = await hashSource({ path: root, ignore: rules });
  await writeFiles(root, { 'x.log': 'x', 'tmp/y': 'y' });
  t.equal(await hashSource({ path: root, ignore: rules }), digest);
  t.not(await hashSource({ path: root, ignore }), digest);
});

t.test('X08 names and contents cannot be mistaken for one another', async (t) => {
  const [one, two] = [await temporaryDirectory(t), await temporaryDirectory(t)];
  await writeFiles(one, { a: '', b: '' });
  await writeFiles(two, { 'a\nfile\nb': '' });
  t.not(await hashSource({ path: one, ignore }), await hashSource({ path: two, ignore }));
});

t.test('an abort ends it', async (t) => {
  const root = await temporaryDirectory(t);
  await writeFiles(root, files);
  await t.rejects(hashSource({ path: root, ignore }, AbortSignal.abort(new Error('enough'))), {
    message: 'enough',
  });
});
