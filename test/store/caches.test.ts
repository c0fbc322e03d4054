/** Caches of scripts: found again, apart from those of others, and gone when they are pruned and not before. */

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type CacheRequest, openStore, removeOwnTree, type Store } from '../../src/store/index.ts';

const plain: CacheRequest = {
  id: 'npm',
  owner: { uid: 1001, gid: 0 },
  mode: 0o755,
  mapping: 'single',
  sharing: 'shared',
};
const nothing = async () => {};

async function setUp(t: Test, lockTimeoutMs = 60_000): Promise<Store> {
  const store = await openStore(join(t.testdir(), 'state'), { lockTimeoutMs });
  t.teardown(() => store[Symbol.asyncDispose]());
  return store;
}

async function pathOf(store: Store, request: CacheRequest): Promise<string> {
  await using cache = await store.caches.open(request, nothing);
  return cache.path;
}

t.test('what one build leaves the next one finds', async (t) => {
  const store = await setUp(t);
  let prepared = 0;
  const prepare = async () => {
    prepared += 1;
  };
  await using first = await store.caches.open(plain, prepare);
  await writeFile(join(first.path, 'file'), 'kept');
  await using second = await store.caches.open(plain, prepare);
  t.equal(await readFile(join(second.path, 'file'), 'utf8'), 'kept');
  t.equal(prepared, 1, 'only a new one is given its owner');
});

t.test(
  'X05, CVE-2024-9675: ids are names and no paths; other owners and mappings have others',
  async (t) => {
    const store = await setUp(t);
    const requests: readonly CacheRequest[] = [
      plain,
      { ...plain, id: '../../victim' },
      { ...plain, id: '' },
      { ...plain, owner: { uid: 100, gid: 10 } },
      { ...plain, owner: { uid: 1001, gid: 1 } },
      { ...plain, mode: 0o700 },
      { ...plain, mapping: 'full-1' },
    ];
    const paths = await Promise.all(requests.map((request) => pathOf(store, request)));
    t.equal(new Set(paths).size, requests.length);
    for (const path of paths)
      t.match(path.slice(store.paths.caches.length), /^\/cache-[0-9a-f]{64}\/data$/);
  },
);

t.test('private caches are never used by two at once', async (t) => {
  const store = await setUp(t);
  const request = { ...plain, sharing: 'private' } as const;
  const first = await store.caches.open(request, nothing);
  await using second = await store.caches.open(request, nothing);
  t.not(second.path, first.path);
  await first[Symbol.asyncDispose]();
  await using third = await store.caches.open(request, nothing);
  t.equal(third.path, first.path, 'the one that is free is taken again');
});

t.test('a locked cache makes others wait', async (t) => {
  const store = await setUp(t, 50);
  const request = { ...plain, sharing: 'locked' } as const;
  const first = await store.caches.open(request, nothing);
  await t.rejects(store.caches.open(request, nothing), { code: 'LOCK_TIMEOUT', message: /npm/ });
  await t.rejects(store.caches.open(plain, nothing), { code: 'LOCK_TIMEOUT' });
  await first[Symbol.asyncDispose]();
  t.equal(await pathOf(store, request), first.path);
});

t.test('one that cannot be prepared does not appear', async (t) => {
  const store = await setUp(t);
  const failing = async () => {
    throw new Error('no such id');
  };
  for (const sharing of ['shared', 'private', 'locked'] as const)
    await t.rejects(store.caches.open({ ...plain, sharing }, failing), /no such id/);
  t.same(await store.caches.list(), []);
  await store.sweep(removeOwnTree);
  t.same(await readdir(store.paths.caches), [], 'and leaves nothing');
});

t.test('prune takes what nobody uses, and df counts it', async (t) => {
  const store = await setUp(t);
  const used = await store.caches.open(plain, nothing);
  const unused = await pathOf(store, { ...plain, id: 'other' });
  await mkdir(join(unused, 'deep'));
  await writeFile(join(unused, 'deep', 'file'), 'x'.repeat(100_000));
  t.match(await store.df(), { caches: { count: 2 } });
  t.ok((await store.df()).caches.bytes >= 100_000);
  t.match(await store.prune(), { removedCaches: 1 });
  const left = await store.caches.list();
  t.same(
    left.map(({ id }) => id),
    ['npm'],
  );
  await used[Symbol.asyncDispose]();
  t.match(await store.prune(), { removedCaches: 1 });
  t.same(await readdir(store.paths.caches), []);
});
