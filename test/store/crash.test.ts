/**
 * L01, L03, L05: a build's use of the store is killed or fails at its n-th write, fsync or rename for
 * n = 1, 2, ... until it passes untouched. After each, the store is in order and the same build succeeds.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { BuildError } from '../../src/errors/index.ts';
import { openStore, parseFailpoints, removeOwnTree } from '../../src/store/index.ts';
import { type BlobList, exampleKey, useAsBuild, writeBlobs } from './fixtures.ts';
import { runChild } from './processes.ts';

/** More hits than there are: a sweep that does not end is an error of the test. */
const most = 120;

/** Builds with a fault at the n-th hit and tells how that ended. */
type FaultyBuild = (home: string, blobs: BlobList, n: number) => Promise<string>;

const kill: FaultyBuild = async (home, { list, log }, n) => {
  const failpoint = `*=${n}*kill`;
  const { signal, code } = await runChild([home, 'build', list, log, exampleKey], { failpoint });
  return signal ?? (code === 0 ? 'done' : `exit code ${code}`);
};

function failWith(errno: string): FaultyBuild {
  return async (home, { blobs, log }, n) => {
    const failpoint = parseFailpoints(`*=${n}*error(${errno})`, () => {});
    try {
      await using store = await openStore(home, { failpoint });
      await useAsBuild(store, blobs, log, exampleKey);
      return 'done';
    } catch (error) {
      return error instanceof BuildError ? `${error.code} ${error.exitCode}` : String(error);
    }
  };
}

const faults: readonly { name: string; build: FaultyBuild; ends: string }[] = [
  { name: 'L01: SIGKILL', build: kill, ends: 'SIGKILL' },
  { name: 'L03: a full disk', build: failWith('ENOSPC'), ends: 'NO_SPACE 12' },
  { name: 'L05: a failing disk', build: failWith('EIO'), ends: 'IO_FAILED 12' },
];

for (const { name, build, ends } of faults) {
  t.test(`${name} at every site leaves a store in which the next build succeeds`, async (t) => {
    t.setTimeout(240_000);
    const dir = t.testdir();
    const blobs = await writeBlobs(dir, 2, 1_500_000);
    for (let n = 1; n < most; n += 1) {
      const home = join(dir, `state-${n}`);
      const end = await build(home, blobs, n);
      t.same(
        await buildAgain(home, blobs),
        { damaged: [], ingest: [], builds: [], checkedBlobs: 2, hasRootfs: true },
        `hit ${n} ended with ${end}`,
      );
      if (end === 'done') {
        t.ok(n > 30, `${n - 1} hits`);
        return;
      }
      t.equal(end, ends);
    }
    t.fail('the sweep does not end');
  });
}

/** What the next process finds, and how the same build fares. */
async function buildAgain(home: string, { blobs, log }: BlobList) {
  await using store = await openStore(home);
  const { damaged } = await store.verify();
  await store.sweep(removeOwnTree);
  await useAsBuild(store, blobs, log, exampleKey);
  const { checkedBlobs } = await store.verify();
  return {
    damaged,
    ingest: await readdir(store.paths.ingest),
    builds: await store.deadScratches(),
    checkedBlobs,
    hasRootfs: (await store.rootfs.find(exampleKey)) !== undefined,
  };
}
