/** Eviction by size and by age, scratch directories, failpoints. */

import { chmod, mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bytesSource, streamOf } from '../../src/blob/index.ts';
import { type Digest, descriptorOf } from '../../src/model/index.ts';
import {
  openStore,
  parseFailpoints,
  removeOwnTree,
  type Store,
  type StoreDeps,
} from '../../src/store/index.ts';

const day = 86_400_000;
const now = Date.UTC(2030, 0, 10);

async function setUp(t: Test, deps: StoreDeps = {}): Promise<Store> {
  const store = await openStore(join(t.testdir(), 'state'), { now: () => now, ...deps });
  t.teardown(() => store[Symbol.asyncDispose]());
  return store;
}

/** Blobs of 1000 bytes, last used so many days ago by a process that is gone. */
async function addBlobs({ paths }: Store, ages: readonly number[]): Promise<readonly Digest[]> {
  await using store = await openStore(paths.home);
  const digests: Digest[] = [];
  for (const age of ages) {
    const { digest } = await store.ingest(streamOf(Buffer.alloc(1000, age)));
    const time = (now - age * day) / 1000;
    await utimes(store.paths.blob(digest), time, time);
    digests.push(digest);
  }
  return digests;
}

async function whichAreThere(
  store: Store,
  digests: readonly Digest[],
): Promise<readonly boolean[]> {
  return Promise.all(digests.map((digest) => store.has(digest)));
}

t.test('without limits everything unused goes', async (t) => {
  const store = await setUp(t);
  await addBlobs(store, [1, 2]);
  t.same(await store.prune(), {
    removedBlobs: 2,
    removedRootfs: 0,
    removedCaches: 0,
    removedBytes: 2000,
    keptBytes: 0,
  });
});

t.test('--keep-bytes keeps what was used last', async (t) => {
  const store = await setUp(t);
  const digests = await addBlobs(store, [5, 1, 3, 2]);
  await store.prune({ keepBytes: 2500 });
  t.same(await whichAreThere(store, digests), [false, true, false, true]);
  t.match(await store.prune({ keepBytes: 2500 }), { removedBlobs: 0, keptBytes: 2000 });
});

t.test('--older-than keeps what was used since', async (t) => {
  const store = await setUp(t);
  const digests = await addBlobs(store, [5, 1, 3]);
  await store.records.write('seen', 'a', 1);
  await store.prune({ olderThan: 2 * day });
  t.same(await whichAreThere(store, digests), [false, true, false]);
});

t.test('reading counts as use', async (t) => {
  const store = await setUp(t);
  const [digest = '' as Digest] = await addBlobs(store, [5]);
  await using again = await openStore(store.paths.home, { now: () => now });
  await again.pathOf(digest);
  t.match(await store.prune({ olderThan: 2 * day }), { removedBlobs: 0 });
  await again.pathOf(digest);
});

t.test('a lease protects what was there before it and what comes after it', async (t) => {
  const store = await setUp(t);
  const [old = '' as Digest, other = '' as Digest] = await addBlobs(store, [5, 6]);
  const lease = await store.acquireLease();
  await lease.add([old]);
  const fresh = await store.ingest(streamOf(Buffer.from('new')), { lease });
  await store.prune();
  t.same(await whichAreThere(store, [old, other, fresh.digest]), [true, false, true]);
  await lease.release();
  await lease.release();
  await store.prune();
  t.same(await whichAreThere(store, [old, fresh.digest]), [false, false]);
});

t.test('what was written without a lease stays until the store is closed', async (t) => {
  const store = await setUp(t);
  {
    await using other = await openStore(store.paths.home);
    const { digest, size } = await other.ingest(streamOf(Buffer.from('written')));
    const bytes = Buffer.from('fetched');
    const descriptor = descriptorOf(bytes, 'text/plain');
    await other.fetch(descriptor, bytesSource(bytes));
    await store.prune();
    t.same(await whichAreThere(store, [digest, descriptor.digest]), [true, true]);
    t.equal(size, 7);
  }
  t.match(await store.prune(), { removedBlobs: 2 });
});

t.test('quarantine is emptied and stale lock files go', async (t) => {
  const store = await setUp(t);
  await mkdir(join(store.paths.quarantine, 'x'));
  await writeFile(join(store.paths.quarantine, 'y'), '');
  await writeFile(join(store.paths.locks, 'blob-stale'), '');
  await store.prune();
  t.same(await readdir(store.paths.quarantine), []);
  t.same(await readdir(store.paths.locks), []);
});

t.test('a scratch directory goes with its owner', async (t) => {
  const store = await setUp(t);
  let path: string;
  {
    await using scratch = await store.createScratch();
    path = scratch.path;
    await mkdir(join(path, 'upper', 'sealed'), { recursive: true });
    await chmod(join(path, 'upper', 'sealed'), 0);
    t.same(await readdir(store.paths.builds), [scratch.id]);
  }
  t.same(await readdir(store.paths.builds), []);
  const scratch = await store.createScratch();
  await scratch.remove(removeOwnTree);
  t.same(await readdir(store.paths.builds), []);
  t.same(await readdir(store.paths.locks), []);
});

t.test('failpoints count hits, of one site or of all', async (t) => {
  const log: string[] = [];
  const failpoint = parseFailpoints('b=2*error(EIO);c=error(EROFS);d=1*delay(1);*=7*kill', () =>
    log.push('killed'),
  );
  await failpoint('a');
  await failpoint('b');
  await t.rejects(failpoint('b'), { code: 'EIO' });
  await failpoint('b');
  await t.rejects(failpoint('c'), { code: 'EROFS' });
  await t.rejects(failpoint('c'), { code: 'EROFS' });
  void failpoint('d');
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.same(log, ['killed']);
  for (const text of ['x', 'a=5', 'a=x*kill', 'a=explode', 'a=1*error(EIO)x']) {
    t.throws(() => parseFailpoints(text, () => {}), { code: 'CONFIG_INVALID' }, text);
  }
});

t.test('L08: a clock that jumps back loses nothing that is in use', async (t) => {
  let time = now;
  const store = await setUp(t, { now: () => time });
  await using lease = await store.acquireLease();
  const { digest } = await store.ingest(streamOf(Buffer.from('x')), { lease });
  time = now + 3650 * day;
  await store.prune({ olderThan: day });
  t.ok(await store.has(digest));
  time = now - 3650 * day;
  await store.prune({ olderThan: day });
  t.ok(await store.has(digest));
});
