/** The namespace process: who it is, what it sees, and that nothing of it outlives whoever started it. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { TestUser } from '../../support/as-user.ts';
import { commandFor, run, spawnAs } from '../../support/as-user.ts';
import { processesLeft, processesMarked } from '../support/process-tree.ts';
import { testUser } from '../support/scenario.ts';

const client = fileURLToPath(new URL('../support/namespace-client.ts', import.meta.url));
const newMark = () => `mark-${randomBytes(6).toString('hex')}`;

async function tellOf(user: TestUser, ...args: readonly string[]) {
  const { stdout, stderr } = await run(process.execPath, [client, ...args], { user });
  const [first = '{}', last = '{}'] = stdout.trim().split('\n');
  return { told: JSON.parse(first), exit: JSON.parse(last).exit, stderr };
}

t.test('a user with subordinate ids gets all of them', async (t) => {
  const user = await testUser('with-subuids');
  const mark = newMark();
  const { told, exit } = await tellOf(user, 'auto', 'once', mark);
  t.match(told, { mapping: 'subuid', method: 'newuidmap', freshProc: true, pidNamespace: true });
  t.same(told.reasons, []);
  t.same(told.inside.uidMap.slice(0, 3), [0, user.uid, 1]);
  t.equal(told.inside.uidMap.length, 6, 'and a range behind it');
  t.match(told.inside.capabilities, /^000001ff/, 'all capabilities there');
  t.equal(told.inside.pid, 1);
  t.ok(told.inside.processes < 10);
  t.equal(told.inside.answer, 42, 'maps and big integers pass the channel');
  t.equal(told.inside.terminal, '0', 'no controlling terminal to inject input into');
  t.same(told.inside.environment, ['LC_ALL', 'ONLY', 'PATH', 'PWD'], 'and what launches it sets');
  t.equal(exit, 5, 'it sees its channel close, and its exit code comes back');
  t.same(await processesLeft(mark), [], 'its daemons are gone with it');
});

t.test('a user without gets one id, and the reasons', async (t) => {
  const user = await testUser('without-subuids');
  const { told, exit } = await tellOf(user, 'auto');
  t.match(told, { mapping: 'single', method: 'single-id', idRange: `0-0=${user.uid}-${user.uid}` });
  t.match(told.reasons.join(), /newuidmap: .*no range for nosub/);
  t.same(told.inside.uidMap, [0, user.uid, 1]);
  t.match(told.inside.capabilities, /^000001ff/);
  t.equal(exit, 5);
});

t.test('a mapping can be insisted on', async (t) => {
  const full = await testUser('with-subuids');
  t.match((await tellOf(full, 'single')).told, { mapping: 'single' });
  t.match((await tellOf(full, 'none')).told, { mapping: 'none', pidNamespace: false });
  const { told } = await tellOf(await testUser('without-subuids'), 'subuid');
  t.equal(told.error, 'NAMESPACE_DENIED');
  t.match(told.message, /no range/);
  t.equal((await tellOf(full, 'root')).told.error, 'NAMESPACE_DENIED');
});

t.test('under no_new_privs newuidmap is not even tried, and one id still works', async (t) => {
  const user = await testUser('with-subuids');
  const [command = '', ...args] = commandFor(user, 'setpriv', [
    '--no-new-privs',
    '--',
    ...[process.execPath, client, 'auto'],
  ]);
  const { stdout } = await run(command, args, { env: { HOME: user.home } });
  const told = JSON.parse(stdout.split('\n')[0] ?? '{}');
  t.match(told, { mapping: 'single' });
  t.match(told.reasons.join(), /no_new_privs/);
});

t.test('regression: map-auto hang; denied namespaces leave no helper behind', async (t) => {
  const mark = newMark();
  const [command = '', ...args] = commandFor(await testUser('with-subuids'), 'unshare', [
    ...['--user', '--map-root-user', 'sh', '-c'],
    'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "$@"',
    ...['sh', process.execPath, client, 'single', 'once', mark],
  ]);
  const { stdout, stderr } = await run(command, args);
  t.match(JSON.parse(stdout.split('\n')[0] ?? '{}'), { error: 'NAMESPACE_DENIED' }, stderr);
  t.match(stdout, /No space left on device/);
  t.same(await processesLeft(mark), []);
});

for (const [kind, mapping] of [
  ['with-subuids', 'subuid'],
  ['with-subuids', 'single'],
  ['without-subuids', 'single'],
] as const) {
  t.test(`regression: parent SIGKILL leftovers: ${kind}, ${mapping}`, async (t) => {
    const mark = newMark();
    const user = await testUser(kind);
    const child = spawnAs(process.execPath, [client, mapping, 'stay', mark], {
      user,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout ?? child, 'data');
    while (processesMarked(mark).length < 4) await new Promise(setImmediate);
    child.kill('SIGKILL');
    await once(child, 'exit');
    t.same(await processesLeft(mark), []);
  });
}

t.test(
  'an abort while the namespace is being made leaves nothing, whenever it comes',
  async (t) => {
    const user = await testUser('with-subuids');
    for (const delay of [0, 2, 5, 10, 20, 40]) {
      const mark = newMark();
      const { told } = await tellOf(user, 'subuid', 'abort', mark, String(delay));
      t.ok(told.error !== undefined || told.mapping === 'subuid');
      if (told.error !== undefined) t.same(await processesLeft(mark), [], `after ${delay} ms`);
    }
  },
);
