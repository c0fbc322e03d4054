import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { KeyedLock } from '../../src/server/keyed-lock.ts';

t.test('tasks of one key run one after the other, in order', async (t) => {
  const lock = new KeyedLock();
  const events: string[] = [];
  const task = (name: string, wait: number) =>
    lock.run('key', async () => {
      events.push(`${name} begins`);
      await sleep(wait);
      events.push(`${name} ends`);
    });
  await Promise.all([task('a', 20), task('b', 1), task('c', 1)]);
  t.same(events, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

t.test('tasks of different keys do not wait for each other', async (t) => {
  const lock = new KeyedLock();
  const gate = Promise.withResolvers<void>();
  const first = lock.run('a', () => gate.promise);
  t.equal(await lock.run('b', async () => 'done'), 'done');
  gate.resolve();
  await first;
});

t.test('a task that fails lets the next one run', async (t) => {
  const lock = new KeyedLock();
  const failing = lock.run('key', async () => {
    throw new Error('as planned');
  });
  const next = lock.run('key', async () => 'ran');
  await t.rejects(failing, { message: 'as planned' });
  t.equal(await next, 'ran');
});
