/** L03, L05: what a call that failed once must not do to the next one in the same process. */

import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import '../support/faults/preload.ts';
import { openStore, Replacement } from '../../src/store/index.ts';
import { arm, disarm, type Fault, listCalls } from '../support/faults/state.ts';
import { withFaults } from '../support/faults/sweep.ts';

/** Does something in which the call that is so named, the last of several, fails. */
async function failingAt(name: string, fault: Fault, log: string, action: () => Promise<unknown>) {
  const calls = await listCalls(log, action);
  const n = calls.findLastIndex((call) => call.includes(` ${name}`)) + 1;
  t.not(n, 0, `there is a call of ${name}`);
  arm({ n, fault });
  try {
    return await action().catch((error: unknown) => error);
  } finally {
    disarm();
  }
}

t.test('L05 a lease whose file cannot be removed ends all the same', async (t) => {
  const dir = t.testdir();
  await using store = await openStore(join(dir, 'home'));
  await failingAt('unlink store/files.ts', 'EIO', join(dir, 'calls'), async () => {
    const lease = await store.acquireLease();
    await lease.add(['one']);
    await lease.release();
  });
  await store.prune();
  t.same(await readdir(store.paths.leases), []);
});

t.test('L03 what a full disk left of a name does not spoil the next one', async (t) => {
  const dir = t.testdir();
  await using store = await openStore(join(dir, 'home'));
  await using lease = await store.acquireLease();
  let i = 0;
  const add = () => lease.add([`name-${i++}`]);
  const error = await failingAt('half of appendFile', 'ENOSPC', join(dir, 'calls'), add);
  t.match(error, { code: 'NO_SPACE' });
  await add();
  const [id = ''] = await readdir(store.paths.leases);
  const names = (await readFile(join(store.paths.leases, id), 'utf8')).split('\n');
  t.ok(names.includes('name-0') && names.includes('name-2'), names.join());
});

t.test('L05 a file that is replaced can be replaced again after a failure', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'file');
  const replace = async () => {
    // A lock that nobody gives up would be waited for.
    await using written = await Replacement.open(path, AbortSignal.timeout(5_000));
    await written.file.writeFile('new');
    await written.finish();
  };
  await writeFile(path, 'old');
  for (const name of ['half of writeFile', 'sync', 'rename', 'rm']) {
    await failingAt(name, 'EIO', join(dir, `calls of ${name}`), replace);
    await replace();
    t.equal(await readFile(path, 'utf8'), 'new', name);
  }
  t.same(
    (await readdir(dir)).filter((entry) => entry.startsWith('.')),
    [],
  );
});

t.test('L01 L03 a large blob, which a thread writes: whole or not there', async (t) => {
  const child = fileURLToPath(new URL('inside-large.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...withFaults,
    ...[child, t.testdir()],
  ]);
  const { calls, problems } = JSON.parse(stdout) as Record<'calls' | 'problems', string[]>;
  t.same(problems, []);
  const written = calls.filter((call) => call.includes('blob/write-worker.ts'));
  t.ok(written.length >= 10, `${written.length} of ${calls.length} calls are the thread's`);
});
