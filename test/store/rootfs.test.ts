/** Root file systems: complete or invisible, built once, found by their longest prefix. */

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { digestOf } from '../../src/model/index.ts';
import { openStore, removeOwnTree, rootfsKey, type Store } from '../../src/store/index.ts';

const chainIds = ['a', 'b', 'c'].map((text) => digestOf(text));
const [first = digestOf(''), second = digestOf(''), third = digestOf('')] = chainIds;

async function setUp(t: Test): Promise<Store> {
  const store = await openStore(join(t.testdir(), 'state'));
  t.teardown(() => store[Symbol.asyncDispose]());
  return store;
}

async function fill(directory: string): Promise<void> {
  await mkdir(join(directory, 'fs'));
  await writeFile(join(directory, 'fs', 'file'), 'x'.repeat(10_000));
  await writeFile(join(directory, 'index.jsonl'), '{}\n');
}

t.test('what was built is found, under its mapping only', async (t) => {
  const store = await setUp(t);
  const key = rootfsKey(first, 'full-200000');
  const made = await store.rootfs.create(key, fill);
  t.equal(await readFile(join(made.fs, 'file'), 'utf8'), 'x'.repeat(10_000));
  t.same(await store.rootfs.find(key), made);
  t.equal(await store.rootfs.find(rootfsKey(first, 'single')), undefined);
  const [entry] = await store.rootfs.list();
  t.ok((entry?.bytes ?? 0) >= 10_000, 'its size was measured');
});

t.test('the size that the builder tells is kept', async (t) => {
  const store = await setUp(t);
  await store.rootfs.create(rootfsKey(first, 'single'), async (directory) => {
    await fill(directory);
    return { bytes: 123_456_789 };
  });
  t.match(await store.rootfs.list(), [{ bytes: 123_456_789 }]);
  t.match(await store.df(), { rootfs: { count: 1, bytes: 123_456_789 } });
});

t.test('the longest stored prefix is found', async (t) => {
  const store = await setUp(t);
  t.equal(await store.rootfs.findLongestPrefix(chainIds, 'single'), undefined);
  await store.rootfs.create(rootfsKey(first, 'single'), fill);
  t.match(await store.rootfs.findLongestPrefix(chainIds, 'single'), { layers: 1 });
  await store.rootfs.create(rootfsKey(second, 'single'), fill);
  await store.rootfs.create(rootfsKey(third, 'other'), fill);
  t.match(await store.rootfs.findLongestPrefix(chainIds, 'single'), {
    layers: 2,
    rootfs: { key: rootfsKey(second, 'single') },
  });
});

t.test('several ask at once, one builds', async (t) => {
  const store = await setUp(t);
  let built = 0;
  const build = async (directory: string) => {
    built += 1;
    await sleep(20);
    await fill(directory);
  };
  const key = rootfsKey(first, 'single');
  const made = await Promise.all(Array.from({ length: 5 }, () => store.rootfs.create(key, build)));
  t.equal(built, 1);
  t.equal(new Set(made.map(({ path }) => path)).size, 1);
});

t.test('what fails while it is built is not visible, and is built again', async (t) => {
  const store = await setUp(t);
  const key = rootfsKey(first, 'single');
  const failing = async (directory: string) => {
    await fill(directory);
    throw new Error('no');
  };
  await t.rejects(store.rootfs.create(key, failing), { message: 'no' });
  t.equal(await store.rootfs.find(key), undefined);
  t.same(await readdir(store.paths.rootfs), []);
  await store.rootfs.create(key, fill);
});

t.test('an incomplete tree under the right name is no root file system', async (t) => {
  const store = await setUp(t);
  const key = rootfsKey(first, 'single');
  await mkdir(join(store.paths.rootfs, key, 'fs'), { recursive: true });
  t.equal(await store.rootfs.find(key), undefined);
  t.match(await store.verify(), { damaged: [{ name: key, reason: 'is not complete' }] });
  await mkdir(join(store.paths.rootfs, key, 'fs'), { recursive: true });
  await store.rootfs.create(key, fill);
  t.ok(await store.rootfs.find(key));
});

t.test('evicted trees wait for somebody who may remove them', async (t) => {
  const store = await setUp(t);
  const key = rootfsKey(first, 'single');
  await store.rootfs.create(key, fill);
  const removed: string[] = [];
  const report = await store.prune({
    removeTree: async (path) => {
      removed.push(path);
      await removeOwnTree(path);
    },
  });
  t.match(report, { removedRootfs: 1, removedBlobs: 0 });
  t.equal(removed.length, 1);
  t.same(await readdir(store.paths.rootfs), []);
});

t.test('a leased root file system stays', async (t) => {
  const store = await setUp(t);
  const key = rootfsKey(first, 'single');
  await using lease = await store.acquireLease();
  await lease.add([key]);
  await store.rootfs.create(key, fill);
  t.match(await store.prune(), { removedRootfs: 0 });
  t.ok(await store.rootfs.find(key));
});

t.test('keys that are none are a mistake of ours', async (t) => {
  const store = await setUp(t);
  t.throws(() => rootfsKey(first, '../../etc'), { code: 'INTERNAL' });
  await t.rejects(store.rootfs.find('../builds'), { code: 'INTERNAL' });
});
