/** What `treeProblem` finds in a stored root file system. */

import * as fs from 'node:fs';
import t from 'tap';
import { treeProblem } from '../../src/layer/index.ts';
import { device, dir, file, layer, link, symlink } from './support/archive.ts';
import { Scene } from './support/scene.ts';

const entries = [
  ...[dir('d'), file('d/a', 'a'), link('d/b', 'd/a'), symlink('l', 'd'), dir('d/e')],
  ...[device('dev', 'character', [1, 3]), file('\xff', 'x')],
];
const damages: Readonly<Record<string, (root: string) => void>> = {
  '"d/a" is missing': (root) => fs.unlinkSync(`${root}/d/a`),
  '"d/a" is not as it was unpacked': (root) => fs.appendFileSync(`${root}/d/a`, 'more'),
  '"l" is not as it was unpacked': (root) => {
    fs.unlinkSync(`${root}/l`);
    fs.symlinkSync('elsewhere', `${root}/l`);
  },
  '"d/e" is not as it was unpacked': (root) => {
    fs.rmdirSync(`${root}/d/e`);
    fs.writeFileSync(`${root}/d/e`, '');
  },
  '"new" was added': (root) => fs.writeFileSync(`${root}/new`, ''),
  'index of a stored root file system cannot be read': (root) =>
    fs.writeFileSync(`${root}/../index.jsonl`, '{'),
};

t.test('a tree as it was unpacked has no problem', async (t) => {
  await using scene = new Scene();
  t.equal(treeProblem(scene.unpackHere('t', [layer(...entries)])), undefined);
});

for (const [problem, damage] of Object.entries(damages))
  t.test(`L09 ${problem}`, async (t) => {
    await using scene = new Scene();
    const target = scene.unpackHere('t', [layer(...entries)]);
    damage(`${target}/fs`);
    t.equal(treeProblem(target), problem);
  });
