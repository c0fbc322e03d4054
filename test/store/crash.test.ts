/**
 * L01, L03, L05: a build's use of the store is killed or fails at its n-th change of a disk for n = 1, 2, ... until it
 * passes untouched. After each, the store is in order and the same build succeeds.
 */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import '../support/faults/preload.ts';
import { BuildError } from '../../src/errors/index.ts';
import { openStore, removeOwnTree } from '../../src/store/index.ts';
import { arm, disarm, listCalls } from '../support/faults/state.ts';
import { planSweep } from '../support/faults/sweep.ts';
import { type BlobList, exampleKey, useAsBuild, writeBlobs } from './fixtures.ts';
import { runChild } from './processes.ts';

/** A tool that fails says why in its own words. */
const endings = {
  kill: ['SIGKILL'],
  ENOSPC: ['NO_SPACE 12', 'IO_FAILED 12'],
  EIO: ['IO_FAILED 12'],
};

t.setTimeout(3_600_000);
t.test('L01, L03, L05: a fault at every change of a disk', async (t) => {
  t.setTimeout(3_600_000);
  const dir = t.testdir();
  const blobs = await writeBlobs(dir, 2, 1_500_000);
  const counted = join(dir, 'counted');
  const calls = await listCalls(join(dir, 'calls'), () => build(counted, blobs));
  t.ok(calls.length > 80, `${calls.length} calls`);
  for (const trial of planSweep(t, calls, 60)) {
    const { n, fault, call } = trial;
    const home = join(dir, `state-${n}-${fault}`);
    const end = fault === 'kill' ? await killed(home, blobs, n) : await failing(home, blobs, trial);
    const what = `${fault} at ${call}: ${end}`;
    t.ok(end === 'done' || endings[fault].includes(end), what);
    t.same(
      await buildAgain(home, blobs),
      { damaged: [], ingest: [], builds: [], checkedBlobs: 2, hasRootfs: true },
      what,
    );
  }
});

async function build(home: string, { blobs, log }: BlobList): Promise<void> {
  await using store = await openStore(home);
  await useAsBuild(store, blobs, log, exampleKey);
}

async function killed(home: string, { list, log }: BlobList, n: number): Promise<string> {
  const args = [home, 'build', list, log, exampleKey];
  const { signal, code } = await runChild(args, { fault: `${n}*kill` });
  return signal ?? (code === 0 ? 'done' : `exit code ${code}`);
}

async function failing(home: string, blobs: BlobList, planned: Parameters<typeof arm>[0]) {
  try {
    arm(planned);
    await build(home, blobs);
    return 'done';
  } catch (error) {
    return error instanceof BuildError ? `${error.code} ${error.exitCode}` : String(error);
  } finally {
    disarm();
  }
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
