/** What a registry keeps when it, its disk or a neighbour fails. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { digestOf } from '../../src/model/index.ts';
import {
  errorCode,
  manifestBytes,
  pushBlob,
  pushManifest,
  send,
  start,
  startTestRegistry,
} from './client.ts';

const serve = join(import.meta.dirname, 'serve.ts');

/** Starts a registry in a child process; `command` puts something in front of it. */
async function spawnRegistry(t: Test, directory: string, command: readonly string[] = []) {
  const [file = '', ...args] = [...command, process.execPath, serve, directory];
  const child: ChildProcess = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  t.teardown(kill);
  if (child.stdout === null) throw new Error('the child has no output');
  const [host] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { host, kill };
}

t.test('an upload goes on after the registry was killed in the middle of it', async (t) => {
  const directory = t.testdir();
  const content = randomBytes(2_000_000);
  const first = await spawnRegistry(t, directory);
  const { headers } = await send(first.host, 'POST', '/v2/a/blobs/uploads/');
  const location = headers.location ?? '';
  const request = start(first.host, 'PATCH', location, { 'Content-Length': '2000000' });
  request.on('error', () => {});
  request.write(content.subarray(0, 1_000_000));
  const received = async (host: string) =>
    Number((await send(host, 'GET', location)).headers.range?.split('-')[1]) + 1;
  while ((await received(first.host)) < 1_000_000) await sleep(10);
  await first.kill();
  const second = await spawnRegistry(t, directory);
  const offset = await received(second.host);
  t.equal(offset, 1_000_000);
  const digest = digestOf(content);
  const { status } = await send(second.host, 'PUT', `${location}?digest=${digest}`, {
    headers: { 'Content-Range': `${offset}-1999999` },
    body: content.subarray(offset),
  });
  t.equal(status, 201);
  t.same((await send(second.host, 'GET', `/v2/a/blobs/${digest}`)).body, content);
});

/** Pushes images until the registry is gone; returns the tags whose push was acknowledged. */
async function pushUntilKilled(host: string, round: number): Promise<readonly string[]> {
  const acknowledged: string[] = [];
  for (let i = 0; ; i += 1) {
    try {
      const layer = await pushBlob(host, 'a', randomBytes(randomInt(1, 200_000)));
      const config = await pushBlob(host, 'a', JSON.stringify({ round, i }));
      const bytes = manifestBytes({ config, layers: [layer], subject: config });
      const { status } = await pushManifest(host, 'a', `t${round}-${i}`, bytes);
      if (status === 201) acknowledged.push(`t${round}-${i}`);
    } catch {
      return acknowledged;
    }
  }
}

/** Reads everything that a registry shows and says what is wrong with it. */
async function findDamage(host: string): Promise<readonly string[]> {
  const { body } = await send(host, 'GET', '/v2/a/tags/list');
  const damage: string[] = [];
  for (const tag of (JSON.parse(body.toString()) as { tags?: string[] }).tags ?? []) {
    const manifest = await send(host, 'GET', `/v2/a/manifests/${tag}`);
    if (digestOf(manifest.body) !== manifest.headers['docker-content-digest']) damage.push(tag);
    const { config, layers } = JSON.parse(manifest.body.toString());
    for (const { digest } of [config, ...layers]) {
      const blob = await send(host, 'GET', `/v2/a/blobs/${digest}`);
      if (digestOf(blob.body) !== digest) damage.push(`${tag}: ${digest}`);
    }
    const referrers = await send(host, 'GET', `/v2/a/referrers/${config.digest}`);
    if (referrers.status !== 200) damage.push(`referrers of ${config.digest}`);
  }
  return damage;
}

t.test(
  'whatever the moment at which it is killed, what it acknowledged is there and whole',
  async (t) => {
    const directory = t.testdir();
    const expected: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      const registry = await spawnRegistry(t, directory);
      const pushers = [0, 1, 2].map((n) => pushUntilKilled(registry.host, round * 10 + n));
      await sleep(randomInt(50, 400));
      await registry.kill();
      expected.push(...(await Promise.all(pushers)).flat());
    }
    const { host } = await spawnRegistry(t, directory);
    t.same(await findDamage(host), []);
    const { body } = await send(host, 'GET', '/v2/a/tags/list');
    const tags = new Set((JSON.parse(body.toString()) as { tags: string[] }).tags);
    t.ok(expected.length > 0, `${expected.length} pushes were acknowledged`);
    t.same(
      expected.filter((tag) => !tags.has(tag)),
      [],
    );
  },
);

t.test('several registries may serve one directory', async (t) => {
  const directory = t.testdir();
  const hosts = await Promise.all(
    [0, 1].map(async () => (await startTestRegistry(t, { directory })).host),
  );
  const [one = '', two = ''] = hosts;
  const contents = Array.from({ length: 10 }, (_, i) => Buffer.from(`content ${i}`));
  const pushes = contents.flatMap((content) => hosts.map((host) => pushBlob(host, 'a', content)));
  for (const { digest } of await Promise.all(pushes)) {
    const bodies = await Promise.all(
      hosts.map((host) => send(host, 'GET', `/v2/a/blobs/${digest}`)),
    );
    for (const { body } of bodies) t.equal(digestOf(body), digest);
  }
  const config = await pushBlob(one, 'a', '{}');
  await pushManifest(one, 'a', '1', manifestBytes({ config }));
  t.equal((await send(two, 'GET', '/v2/a/manifests/1')).status, 200);
  const { headers } = await send(one, 'POST', '/v2/a/blobs/uploads/');
  await send(one, 'PATCH', headers.location ?? '', { body: 'begun here, ' });
  await send(two, 'PATCH', headers.location ?? '', { body: 'ended there' });
  const digest = digestOf('begun here, ended there');
  t.equal((await send(one, 'PUT', `${headers.location}?digest=${digest}`)).status, 201);
});

t.test('a full disk is said and leaves everything else as it was', async (t) => {
  const directory = t.testdir();
  const small = `mount -t tmpfs -o size=2m tmpfs "$0" && exec "$@"`;
  const { host } = await spawnRegistry(t, directory, [
    ...['unshare', '--map-root-user', '--mount', 'sh', '-c', small, directory],
  ]);
  const kept = await pushBlob(host, 'a', randomBytes(500_000));
  const digest = digestOf('never complete');
  const single = await send(host, 'POST', `/v2/a/blobs/uploads/?digest=${digest}`, {
    body: Buffer.alloc(3_000_000),
  });
  t.same([single.status, errorCode(single)], [507, 'UNKNOWN']);
  const { headers } = await send(host, 'POST', '/v2/a/blobs/uploads/');
  const patch = await send(host, 'PATCH', headers.location ?? '', {
    body: Buffer.alloc(3_000_000),
  });
  t.equal(patch.status, 507);
  t.equal((await send(host, 'GET', headers.location ?? '')).status, 404, 'the session is over');
  await pushBlob(host, 'a', randomBytes(900_000));
  t.equal(digestOf((await send(host, 'GET', `/v2/a/blobs/${kept.digest}`)).body), kept.digest);
});

t.test('abandoned sessions and drafts are swept when they are old', async (t) => {
  const directory = t.testdir();
  const first = await startTestRegistry(t, { directory });
  const { headers } = await send(first.host, 'POST', '/v2/a/blobs/uploads/');
  await mkdir(join(directory, 'temporary'), { recursive: true });
  await first.close();
  const soon = await startTestRegistry(t, { directory });
  t.equal((await send(soon.host, 'GET', headers.location ?? '')).status, 204, 'not after an hour');
  await soon.close();
  const now = () => Date.now() + 25 * 3_600_000;
  const later = await startTestRegistry(t, { directory, now });
  t.equal((await send(later.host, 'GET', headers.location ?? '')).status, 404);
  t.same(await readdir(join(directory, 'uploads')), []);
});
