import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type LogEvent, silentReporter } from '../../src/events/index.ts';
import { startRegistry } from '../../src/server/index.ts';
import {
  errorCode,
  manifestBytes,
  openSocket,
  pushBlob,
  pushManifest,
  send,
  start,
  startTestRegistry,
} from './client.ts';

const reporter = silentReporter;

t.test('it listens on loopback unless told otherwise, and says where', async (t) => {
  const directory = t.testdir();
  const first = await startTestRegistry(t, { directory });
  t.match(first.host, /^127\.0\.0\.1:\d+$/);
  const six = await startTestRegistry(t, { host: '::1', directory });
  t.match(six.host, /^\[::1\]:\d+$/);
  t.equal((await send(six.host, 'GET', '/v2/')).status, 200);
});

t.test('a port in use is an error of usage', async (t) => {
  const directory = t.testdir();
  const { host } = await startTestRegistry(t, { directory });
  const port = Number(host.split(':')[1]);
  const second = startRegistry({ directory, port, reporter });
  await t.rejects(second, { code: 'USAGE_INVALID', message: /cannot listen: .*EADDRINUSE/ });
});

t.test('a directory of another version is refused untouched', async (t) => {
  const directory = t.testdir({ format: 's2oci-registry 99\n' });
  await t.rejects(startRegistry({ directory, reporter }), { code: 'STORE_FORMAT_UNSUPPORTED' });
  t.same(await readdir(directory), ['format']);
});

t.test('a read-only registry serves and changes nothing', async (t) => {
  const directory = t.testdir();
  const writable = await startTestRegistry(t, { directory });
  const config = await pushBlob(writable.host, 'a', '{}');
  await pushManifest(writable.host, 'a', '1', manifestBytes({ config }));
  await writable.close();
  const before = await readdir(directory, { recursive: true });
  const { host } = await startTestRegistry(t, { directory, readOnly: true });
  t.equal((await send(host, 'GET', '/v2/a/manifests/1')).status, 200);
  t.equal((await send(host, 'HEAD', `/v2/a/blobs/${config.digest}`)).status, 200);
  const changes: readonly (readonly [string, string])[] = [
    ['POST', '/v2/a/blobs/uploads/'],
    ['PUT', '/v2/a/manifests/2'],
    ['DELETE', '/v2/a/manifests/1'],
    ['DELETE', `/v2/a/blobs/${config.digest}`],
  ];
  for (const [method, path] of changes) {
    const reply = await send(host, method, path);
    t.same([reply.status, errorCode(reply)], [405, 'UNSUPPORTED'], `${method} ${path}`);
    t.equal(reply.headers.allow, 'GET, HEAD');
  }
  t.same(await readdir(directory, { recursive: true }), before);
  const missing = join(directory, 'missing');
  const empty = await startTestRegistry(t, { directory: missing, readOnly: true });
  t.equal((await send(empty.host, 'GET', '/v2/a/tags/list')).status, 404);
  t.notOk(existsSync(missing));
});

t.test('a method that an endpoint does not have is answered with those that it has', async (t) => {
  const { host } = await startTestRegistry(t);
  const reply = await send(host, 'PATCH', '/v2/a/tags/list');
  t.same([reply.status, reply.headers.allow, errorCode(reply)], [405, 'GET', 'UNSUPPORTED']);
});

t.test('closing cuts open connections, waits for writers and can be repeated', async (t) => {
  const directory = t.testdir();
  const registry = await startTestRegistry(t, { directory });
  const idle = openSocket(registry.host);
  await once(idle, 'connect');
  const { headers } = await send(registry.host, 'POST', '/v2/a/blobs/uploads/');
  const busy = start(registry.host, 'PATCH', headers.location ?? '', { 'Content-Length': '1000' });
  busy.on('error', () => {});
  const broken = new Promise((resolve) => busy.once('close', resolve));
  busy.write('some of it');
  const received = async () =>
    (await send(registry.host, 'GET', headers.location ?? '')).headers.range === '0-9';
  while (!(await received())) await sleep(10);
  await Promise.all([registry.close(), once(idle, 'close'), broken]);
  await registry.close();
  await t.rejects(send(registry.host, 'GET', '/v2/'), { code: 'ECONNREFUSED' });
});

t.test('traffic is counted by endpoint and in bytes', async (t) => {
  const registry = await startTestRegistry(t);
  const { digest } = await pushBlob(registry.host, 'a', '0123456789');
  await send(registry.host, 'GET', `/v2/a/blobs/${digest}`);
  await send(registry.host, 'HEAD', `/v2/a/blobs/${digest}`);
  await send(registry.host, 'GET', '/nowhere');
  t.same(registry.stats(), {
    requests: 4,
    received: 10,
    sent: registry.stats().sent,
    byEndpoint: { 'POST uploads': 1, 'PUT session': 1, 'GET blob': 1, 'HEAD blob': 1 },
  });
  t.ok(registry.stats().sent >= 10);
});

t.test('requests are told to the reporter, failures of its own as warnings', async (t) => {
  const directory = t.testdir();
  const events: LogEvent[] = [];
  const { host } = await startTestRegistry(t, {
    directory,
    now: () => 1000,
    reporter: { emit: (event) => event.type === 'log' && events.push(event) },
  });
  await send(host, 'GET', '/v2/');
  t.match(events.at(-1), { level: 'debug', message: 'GET /v2/ 200 0 ms', time: 1000 });
  await writeFile(join(directory, 'repositories'), 'in the way');
  const reply = await send(
    host,
    'POST',
    `/v2/a/blobs/uploads/?digest=${'sha256:'.padEnd(71, '0')}`,
  );
  t.equal(reply.status, 400);
  const config = await send(host, 'POST', `/v2/a/blobs/uploads/?digest=${emptyDigest}`);
  t.same([config.status, errorCode(config)], [500, 'UNKNOWN']);
  t.match(events.at(-1), { level: 'warning', message: /^POST .* 500 0 ms: .*ENOTDIR|EEXIST/ });
  t.notMatch(config.body.toString(), directory, 'the reply tells no paths');
});

const emptyDigest = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
