/** L06 and L07: many processes on one store, with and without evictions between them. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { openStore } from '../../src/store/index.ts';
import { exampleKey, readDownloads, writeBlobs } from './fixtures.ts';
import { killHard, runChild, startChild } from './processes.ts';

for (const processes of [2, 8, 32]) {
  t.test(`L06: ${processes} processes download each blob once`, async (t) => {
    t.setTimeout(240_000);
    const dir = t.testdir();
    const home = join(dir, 'state');
    const { list, log, blobs } = await writeBlobs(dir, 3, 300_000);
    const ended = await Promise.all(
      Array.from({ length: processes }, () => runChild([home, 'fetch', list, log])),
    );
    t.same(
      ended.filter(({ code }) => code !== 0),
      [],
    );
    const fetched = ended.map(({ stdout }) => stdout.split('fetched').length - 1);
    t.equal(
      fetched.reduce((sum, count) => sum + count, 0),
      blobs.length,
    );
    t.same([...(await readDownloads(log)).values()], [1, 1, 1]);
    await using store = await openStore(home);
    t.match(await store.verify(), { checkedBlobs: 3, damaged: [] });
    t.same(await readdir(store.paths.locks), ['gate'], 'no other lock file is left');
  });
}

t.test('L06: when the process that downloads is killed another one goes on', async (t) => {
  const dir = t.testdir();
  const home = join(dir, 'state');
  const { list, log } = await writeBlobs(dir, 1, 3_000_000);
  const first = runChild([home, 'fetch', list, log], { failpoint: 'ingest.write=2*kill' });
  while ((await readDownloads(log)).size === 0) await sleep(5);
  const others = [1, 2, 3].map(() => runChild([home, 'fetch', list, log]));
  t.equal((await first).signal, 'SIGKILL');
  t.same(
    (await Promise.all(others)).map(({ code }) => code),
    [0, 0, 0],
  );
  await using store = await openStore(home);
  t.same(await readdir(store.paths.ingest), []);
  t.match(await store.verify(), { checkedBlobs: 1, damaged: [] });
});

t.test('L07: eviction leaves alone what a living process leases', async (t) => {
  const dir = t.testdir();
  const home = join(dir, 'state');
  const { list, log, blobs } = await writeBlobs(dir, 4, 1000);
  await runChild([home, 'fetch', list, log]);
  const { child } = await startChild([home, 'lease', list]);
  await using store = await openStore(home);
  t.match(await store.prune(), { removedBlobs: 0 });
  t.match(await store.verify(), { checkedBlobs: 4 });
  await killHard(child);
  t.match(await store.prune(), { removedBlobs: 4 }, 'its lease died with it');
  t.same(await readdir(store.paths.leases), []);
  t.same(await readdir(store.paths.locks), []);
  t.notOk(await store.has(blobs[0]?.digest as never));
});

t.test('L07: builds and evictions at the same time', async (t) => {
  const dir = t.testdir();
  const home = join(dir, 'state');
  const { list, log } = await writeBlobs(dir, 4, 50_000);
  const builds = Array.from({ length: 8 }, () => runChild([home, 'build', list, log, exampleKey]));
  const prunes = Array.from({ length: 8 }, () => runChild([home, 'prune']));
  const ended = await Promise.all([...builds, ...prunes]);
  t.same(
    ended.filter(({ code }) => code !== 0),
    [],
  );
  await using store = await openStore(home);
  t.same((await store.verify()).damaged, []);
  t.same(await store.deadScratches(), []);
});

t.test('L07: an eviction that is killed leaves a store in order', async (t) => {
  const dir = t.testdir();
  const home = join(dir, 'state');
  const { list, log } = await writeBlobs(dir, 4, 1000);
  await runChild([home, 'build', list, log, exampleKey]);
  for (const failpoint of ['prune.unlink=3*kill', 'rootfs.evict=1*kill']) {
    const { signal } = await runChild([home, 'prune'], { failpoint });
    t.equal(signal, 'SIGKILL', failpoint);
  }
  await using store = await openStore(home);
  t.same((await store.verify()).damaged, []);
  t.match(await store.prune(), { removedRootfs: 1 });
  t.equal((await runChild([home, 'build', list, log, exampleKey])).code, 0);
  t.match(await store.verify(), { checkedBlobs: 4, damaged: [] });
});

t.test('L12: what a killed build leaves is swept, what a living one has is not', async (t) => {
  const home = join(t.testdir(), 'state');
  await using store = await openStore(home);
  const dead = await startChild([home, 'scratch']);
  const living = await startChild([home, 'scratch']);
  t.teardown(() => killHard(living.child));
  t.same(await store.deadScratches(), []);
  await killHard(dead.child);
  t.same(await store.deadScratches(), [dead.line]);
  const removed: string[] = [];
  await store.sweep(async (path) => {
    removed.push(path);
  });
  t.same(removed, [dead.line]);
});
