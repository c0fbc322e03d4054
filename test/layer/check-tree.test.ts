/** What `treeProblem` finds in a stored root file system. */

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import t from 'tap';
import { treeProblem } from '../../src/layer/index.ts';
import { device, dir, file, layer, link, symlink } from './support/archive.ts';
import { mapping, Scene } from './support/scene.ts';

const ours = { kind: mapping, key: 'test' } as const;
const hole = '\0'.repeat(200_000);
const entries = [
  ...[dir('d'), file('d/a', 'a'), link('d/b', 'd/a'), symlink('l', 'd'), dir('d/e')],
  ...[device('dev', 'character', [1, 3]), file('\xff', 'x'), file('empty')],
  ...[file('holes', `x${hole}y${hole}`), file('set', 's', { mode: 0o4755, time: '-1.5' })],
];
const content = 'has another content than was unpacked';
const changed = 'is not as it was unpacked';

/** Writes other bytes of the same length, at the same time. */
function overwrite(path: string, bytes: string, position = 0): void {
  const { atimeNs, mtimeNs } = fs.statSync(path, { bigint: true });
  const fd = fs.openSync(path, 'r+');
  fs.writeSync(fd, bytes, position);
  fs.futimesSync(fd, Number(atimeNs) / 1e9, Number(mtimeNs) / 1e9);
  fs.closeSync(fd);
}

const damages: Readonly<Record<string, (root: string) => void>> = {
  '"d/a" is missing': (root) => fs.unlinkSync(`${root}/d/a`),
  [`"d/a" ${changed}`]: (root) => fs.appendFileSync(`${root}/d/a`, 'more'),
  [`"l" ${changed}`]: (root) => {
    fs.unlinkSync(`${root}/l`);
    fs.symlinkSync('elsewhere', `${root}/l`);
  },
  [`"d/e" ${changed}`]: (root) => {
    fs.rmdirSync(`${root}/d/e`);
    fs.writeFileSync(`${root}/d/e`, '');
  },
  '"new" was added': (root) => fs.writeFileSync(`${root}/new`, ''),
  'index of a stored root file system cannot be read': (root) =>
    fs.writeFileSync(`${root}/../index.jsonl`, '{'),
  [`"d/a" ${content}`]: (root) => overwrite(`${root}/d/b`, 'b'),
  [`"holes" ${content}`]: (root) => overwrite(`${root}/holes`, 'z', 300_000),
  [`"set" ${changed}`]: (root) => fs.chmodSync(`${root}/set`, 0o755),
  [`"empty" ${changed}`]: (root) => fs.utimesSync(`${root}/empty`, 1, 1),
};

t.test('a tree as it was unpacked has no problem', async (t) => {
  await using scene = new Scene();
  const target = scene.unpackHere('t.test', [layer(...entries)]);
  t.equal(await treeProblem(target, ours), undefined);
  scene.unpackHere('clone.test', [layer(file('more', 'x'))], 't.test');
  t.equal(await treeProblem(scene.path('clone.test'), ours), undefined, 'nor has a clone of it');
});

for (const [problem, damage] of Object.entries(damages))
  t.test(`L09 ${problem}`, async (t) => {
    await using scene = new Scene();
    const target = scene.unpackHere('t.test', [layer(...entries)]);
    damage(`${target}/fs`);
    t.equal(await treeProblem(target, ours), problem);
  });

t.test('L09 damage of what a clone shares is found in both', async (t) => {
  await using scene = new Scene();
  scene.unpackHere('t.test', [layer(...entries)]);
  const clone = scene.unpackHere('clone.test', [layer(file('more', 'x'))], 't.test');
  overwrite(scene.path('t.test', 'fs', 'd', 'a'), 'b');
  for (const path of [scene.path('t.test'), clone])
    t.equal(await treeProblem(path, ours), `"d/a" ${content}`);
});

t.test('owners, permissions and times of another id map are not looked at', async (t) => {
  await using scene = new Scene();
  const target = scene.unpackHere('t.other', [layer(...entries)]);
  fs.chmodSync(`${target}/fs/set`, 0o755);
  fs.utimesSync(`${target}/fs/empty`, 1, 1);
  t.equal(await treeProblem(target, ours), undefined);
  overwrite(`${target}/fs/set`, 't');
  t.equal(await treeProblem(target, ours), `"set" ${content}`);
});

t.test('L05 a file that the disk does not give back is damaged', async (t) => {
  await using scene = new Scene();
  const target = scene.unpackHere('t.test', [layer(file('x', 'x'))]);
  const { readSync } = fs;
  const failing = (fd: number, ...rest: unknown[]) => {
    if (fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith('/fs/x'))
      throw Object.assign(new Error('EIO'), { code: 'EIO' });
    return (readSync as (...args: unknown[]) => number)(fd, ...rest);
  };
  Object.assign(fs, { readSync: failing });
  syncBuiltinESMExports();
  const problem = await treeProblem(target, ours);
  Object.assign(fs, { readSync });
  syncBuiltinESMExports();
  t.equal(problem, '"x" cannot be read: EIO');
});

t.test('looking can be ended', async (t) => {
  await using scene = new Scene();
  const many = Array.from({ length: 600 }, (_, i) => file(`f${i}`, 'x'));
  const target = scene.unpackHere('t.test', [layer(...many)]);
  const signal = AbortSignal.abort(new Error('enough'));
  await t.rejects(treeProblem(target, ours, signal), { message: 'enough' });
});
