/** T10: what stacks of layers mean, against a model of the specification and against umoci. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import t from 'tap';
import { fc } from '../../support/property.ts';
import { dir, file, layer, symlink } from '../support/archive.ts';
import { writeLayout } from '../support/layout.ts';
import { mapping, Scene } from '../support/scene.ts';
import { snapshot } from '../support/snapshot.ts';
import { anyStack, layerOf, Model, modeOf, type Operation, plainStack } from '../support/stack.ts';

/** Lists a tree in the words of the model. */
function listTree(root: string): Map<string, string> {
  const facts = new Map<string, string>();
  for (const [path, line] of snapshot(root, { times: false, owners: false })) {
    const [kind = '', mode = '', ...rest] = line.split(' ');
    if (path !== '') facts.set(path, wordsFor(root, path, kind, mode, rest));
  }
  return facts;
}

function wordsFor(
  root: string,
  path: string,
  kind: string,
  mode: string,
  rest: readonly string[],
): string {
  if (rest[0] === '=') return rest.join(' ');
  if (kind === 'directory') return `directory ${mode}`;
  if (kind === 'symlink') return `symlink ${rest.at(-1)?.replace('/nowhere/', '')}`;
  return `file ${fs.readFileSync(`${root}/${path}`, 'utf8')}`;
}

/** Lists the model with directories told by their mode, as the disk shows them. */
function listModel(model: Model): Map<string, string> {
  const described = ([path, line]: [string, string]): [string, string] => {
    const [kind, seed] = line.split(' ');
    if (kind !== 'directory') return [path, line];
    const mode = seed === 'undefined' ? 0o755 : modeOf(Number(seed));
    return [path, `directory ${mode.toString(8)}`];
  };
  return new Map([...model.list()].map(described));
}

function possible(
  stack: readonly (readonly Operation[])[],
  model = new Model(),
): [Model, (readonly Operation[])[]] {
  return [model, stack.map((operations) => model.apply(operations))];
}

t.test('a random stack is what the model says, wherever its removals stand', async () => {
  await fc.assert(
    fc.asyncProperty(plainStack, fc.infiniteStream(fc.nat(1000)), async (stack, random) => {
      await using scene = new Scene();
      const [model, layers] = possible(stack);
      const shuffled = layers.map((operations) => moveRemovals(operations, random));
      for (const [name, each] of Object.entries({ first: layers, anywhere: shuffled })) {
        const target = scene.unpackHere(name, each.map(layerOf));
        assert.deepEqual(listTree(`${target}/fs`), listModel(model));
      }
    }),
    { numRuns: 75, verbose: 0 },
  );
});

/** Puts each removal at some other place among the entries, whose order stays. */
function moveRemovals(operations: readonly Operation[], random: Iterator<number>): Operation[] {
  const isRemoval = ({ kind }: Operation) => kind === 'whiteout' || kind === 'opaque';
  const moved = operations.filter((each) => !isRemoval(each));
  for (const removal of operations.filter(isRemoval))
    moved.splice(random.next().value % (moved.length + 1), 0, removal);
  return moved;
}

t.test(
  'a clone of a prefix with the rest applied is the same, and the prefix is untouched',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(anyStack, fc.nat(3), async (stack, cut) => {
        await using scene = new Scene();
        const [, layers] = possible(stack);
        const archives = layers.map(layerOf);
        const at = Math.min(cut, archives.length - 1);
        const whole = scene.unpackHere('whole', archives);
        const base = scene.unpackHere('base', archives.slice(0, at));
        const before = snapshot(base);
        const rest = scene.unpackHere('rest', archives.slice(at), 'base');
        t.same(snapshot(`${rest}/fs`), snapshot(`${whole}/fs`));
        t.same(snapshot(base), before);
        t.equal(
          fs.readFileSync(`${rest}/index.jsonl`, 'utf8'),
          fs.readFileSync(`${whole}/index.jsonl`, 'utf8'),
        );
      }),
      { numRuns: 25, verbose: 0 },
    );
  },
);

t.test('umoci unpacks the same tree', async () => {
  await fc.assert(
    fc.asyncProperty(anyStack, async (stack) => {
      await using scene = new Scene();
      // What umoci refuses is left out.
      const archives = possible(stack, new Model(false))[1].map(layerOf);
      const ours = scene.unpackHere('ours', archives);
      writeLayout(scene.path('layout'), archives);
      const args = ['unpack', ...(mapping === 'single' ? ['--rootless'] : [])];
      const image = ['--image', `${scene.path('layout')}:latest`, scene.path('bundle')];
      const result = spawnSync('umoci', [...args, ...image], { encoding: 'utf8' });
      assert.equal(result.status, 0, result.stderr);
      const [mine, theirs] = [`${ours}/fs`, scene.path('bundle', 'rootfs')].map(withoutImplied);
      assert.deepEqual(mine, theirs);
    }),
    { numRuns: 25, verbose: 0 },
  );
});

/** Tools give directories that no layer describes different attributes. */
function withoutImplied(root: string): Map<string, string> {
  return new Map(
    [...listTree(root)].map(([path, line]) => [path, line.replace('directory 755', 'directory')]),
  );
}

t.test('T10 named cases', async (t) => {
  await using scene = new Scene();
  const target = await scene.unpack('t', [
    layer(
      ...[dir('opq', { mode: 0o700 }), file('opq/old'), dir('opq/sub'), file('opq/sub/old')],
      ...[dir('both'), file('both/old'), file('kind'), dir('gone'), file('gone/x'), dir('re')],
      file('re/old'),
    ),
    layer(
      ...[file('opq/new'), file('opq/sub/new'), file('opq/.wh..wh..opq')],
      ...[file('both/.wh.old'), file('both/.wh..wh..opq'), file('both/new')],
      ...[dir('kind'), file('kind/inner'), file('.wh.missing'), file('never/.wh..wh..opq')],
      ...[file('gone/y'), file('.wh.gone')],
      ...[file('re/new'), dir('re', { mode: 0o711 }), file('.wh.re')],
    ),
    layer(symlink('kind', 'opq'), file('kind/through')),
  ]);
  const names = [...snapshot(`${target}/fs`).keys()].sort();
  t.same(names, [
    ...['', 'both', 'both/new', 'gone', 'gone/y', 'kind', 'opq', 'opq/new', 'opq/sub'],
    ...['opq/sub/new', 'opq/through', 're', 're/new'],
  ]);
  const mode = (path: string) => fs.statSync(`${target}/fs/${path}`).mode & 0o777;
  t.equal(mode('opq'), 0o700, 'an opaque directory keeps its attributes');
  t.equal(mode('opq/sub'), 0o755, 'a removed directory that something lies in is implied');
  t.equal(mode('re'), 0o711, 'a directory of the same layer is not removed');
});
