/** Locks end with their holders, and only then. */

import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { acquireLock, tryLock, withLock } from '../../src/store/index.ts';
import { findTestUser, run } from '../support/as-user.ts';
import { killHard, startChild } from './processes.ts';

t.test('a lock excludes others of this process until it is released', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'lock');
  const lock = await acquireLock(path);
  t.same(await readdir(dir), ['lock'], 'nothing appears beside it');
  t.equal(await tryLock(path), undefined);
  const next = acquireLock(path);
  lock.release();
  lock.release();
  const second = await next;
  t.equal(await tryLock(path), undefined);
  second.release();
  t.equal((await stat(path)).size, 0, 'nothing is ever written');
});

t.test('shared locks exclude exclusive ones and nothing else', async (t) => {
  const path = join(t.testdir(), 'lock');
  const one = await acquireLock(path, { mode: 'shared' });
  const two = await tryLock(path, 'shared');
  t.ok(two);
  t.equal(await tryLock(path), undefined);
  one.release();
  t.equal(await tryLock(path), undefined);
  two?.release();
  using exclusive = await tryLock(path);
  t.ok(exclusive);
  t.equal(await tryLock(path, 'shared'), undefined);
});

t.test('critical sections do not overlap, and the lock file goes at the end', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'lock');
  let inside = 0;
  let most = 0;
  const section = () =>
    withLock(path, {}, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 1));
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 20 }, section));
  t.equal(most, 1);
  t.same(await readdir(dir), []);
});

t.test('waiting ends with the signal', async (t) => {
  const path = join(t.testdir(), 'lock');
  using _ = await acquireLock(path);
  const abort = new AbortController();
  const waiting = acquireLock(path, { signal: abort.signal });
  abort.abort(new Error('enough'));
  await t.rejects(waiting, { message: 'enough' });
});

t.test('L10: waiting too long names the holder', async (t) => {
  const path = join(t.testdir(), 'lock');
  const { child } = await startChild(['-', 'hold', path]);
  t.teardown(() => killHard(child));
  await t.rejects(acquireLock(path, { timeoutMs: 50, what: 'the thing' }), {
    code: 'LOCK_TIMEOUT',
    exitCode: 14,
    message: new RegExp(`^the thing is still locked .* process ${child.pid} `),
  });
});

t.test('whom one waits for is told once, while waiting', async (t) => {
  const path = join(t.testdir(), 'lock');
  const { child } = await startChild(['-', 'hold', path]);
  const told: string[] = [];
  const waiting = acquireLock(path, {
    onWait: (holder) => {
      told.push(holder);
      setTimeout(() => child.kill('SIGKILL'), 200);
    },
  });
  (await waiting).release();
  t.equal(told.length, 1);
  t.match(told[0], new RegExp(`^process ${child.pid} `));
});

t.test('L10: a lock whose holder was killed is free at once', async (t) => {
  const path = join(t.testdir(), 'lock');
  const { child } = await startChild(['-', 'hold', path]);
  t.equal(await tryLock(path), undefined);
  await killHard(child);
  const lock = await tryLock(path);
  t.ok(lock, 'no matter who has the pid now');
  lock?.release();
});

t.test('L10: a holder in another pid namespace is respected and not guessed at', async (t) => {
  const path = join(t.testdir(), 'lock');
  const namespaces = ['-Ur', '--pid', '--fork', '--mount-proc', '--net', '--kill-child=KILL'];
  const { child, line } = await startChild(['-', 'hold', path], {
    prefix: ['unshare', ...namespaces],
  });
  t.equal(line, 'held');
  t.equal(await tryLock(path), undefined);
  await t.rejects(acquireLock(path, { timeoutMs: 20 }), { code: 'LOCK_TIMEOUT' });
  await killHard(child);
  const lock = await acquireLock(path, { timeoutMs: 5000 });
  lock.release();
});

t.test('a lock file that was removed and made again does not let two in', async (t) => {
  const path = join(t.testdir(), 'lock');
  const first = await acquireLock(path);
  const waiting = acquireLock(path);
  await first.remove();
  const second = await waiting;
  t.equal(await tryLock(path), undefined);
  second.release();
});

t.test('a lock file with something in it is made anew', async (t) => {
  const path = join(t.testdir({ lock: 'x'.repeat(5000) }), 'lock');
  using lock = await acquireLock(path);
  t.equal((await stat(lock.path)).size, 0);
});

t.test('where nothing can be locked it is said', async (t) => {
  const dir = t.testdir({ notADirectory: '', directory: {} });
  await t.rejects(tryLock(join(dir, 'notADirectory', 'lock')), { code: 'IO_FAILED' });
  await t.rejects(tryLock(join(dir, 'absent', 'lock')), { code: 'IO_FAILED' });
  await t.rejects(tryLock(join(dir, 'directory')), { code: 'IO_FAILED' });
});

const unusable = [
  {
    what: 'may only be read, so that nothing would be locked',
    content: '',
    file: 0o444,
    dir: 0o777,
  },
  { what: 'is no lock and cannot be removed', content: 'something else', file: 0o666, dir: 0o755 },
];

for (const { what, content, file, dir } of unusable) {
  t.test(`a lock file that ${what}: an error, not a wait`, async (t) => {
    const user = await findTestUser('without-subuids');
    if (typeof user === 'string') throw new Error(user);
    const place = await mkdtemp(join(tmpdir(), 's2oci-lock-'));
    t.teardown(() => rm(place, { recursive: true, force: true }));
    const path = join(place, 'lock');
    await writeFile(path, content);
    await chmod(path, file);
    await chmod(place, dir);
    const child = fileURLToPath(new URL('./child.ts', import.meta.url));
    const { code, stderr } = await run(process.execPath, [child, place, 'hold', path], {
      user,
      signal: AbortSignal.timeout(60_000),
    });
    t.equal(code, 12);
    t.match(stderr, /PERMISSION_DENIED cannot lock/);
  });
}
