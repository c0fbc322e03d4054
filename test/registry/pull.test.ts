/**
 * Pulling blobs through faults: items 13 to 25 of the registry checklist.
 */

import { Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import t from 'tap';
import { endChunk } from '../../src/blob/index.ts';
import type { Descriptor } from '../../src/model/index.ts';
import { undiciTransport } from '../../src/registry/http/undici-transport.ts';
import { defaultRegistrySettings } from '../../src/registry/index.ts';
import { makeCertificate } from '../support/certificate.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import {
  cutAnswer,
  cutRequest,
  drip,
  hang,
  reply,
  replyWith,
  stall,
} from '../support/fault-actions.ts';
import { type FaultServer, startFaultServer } from '../support/fault-server.ts';
import {
  bytesOf,
  errorOf,
  imageOf,
  layerOf,
  pushImage,
  quickSettings,
  readAll,
  type TestClient,
  testClient,
} from './support.ts';

const layer = layerOf(200_000);
const { bytes, descriptor } = layer;

/** Serves the rest of the blob that a Range header asks for. */
const ranged = replyWith((seen) => {
  const from = Number(/^bytes=(\d+)-$/.exec(seen.headers.range ?? '')?.[1] ?? -1);
  if (from < 0) return { status: 200, body: bytes };
  return {
    status: 206,
    body: bytes.subarray(from),
    headers: { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` },
  };
});

interface Bench extends TestClient, AsyncDisposable {
  readonly server: FaultServer;
  read(what?: Descriptor): Promise<Buffer>;
  ranges(): readonly (string | undefined)[];
}

async function bench(options: Parameters<typeof testClient>[0] = {}): Promise<Bench> {
  const server = await startFaultServer();
  const tested = testClient(options);
  const repository = tested.client.repository({ registry: server.host, repository: 'app' });
  return {
    ...tested,
    server,
    read: async (what = descriptor) => readAll(await repository.openBlob(what)),
    ranges: () =>
      server.requests.filter(({ kind }) => kind === 'blob-get').map(({ headers }) => headers.range),
    [Symbol.asyncDispose]: async () => {
      await tested.client.close();
      await server.close();
    },
  };
}

t.test('item 13: the size is judged before the digest', async (t) => {
  await using b = await bench();
  b.server.script({ kind: 'blob-get', times: 9, act: reply(200, { body: bytesOf(200_001) }) });
  const announced = await errorOf(b.read());
  t.equal(announced.code, 'SIZE_MISMATCH');
  t.equal(announced.exitCode, 3);

  let sent = 0;
  b.server.script({
    kind: 'blob-get',
    act: async ({ response }) => {
      response.writeHead(200);
      const endless = new Readable({
        read() {
          sent += 65_536;
          this.push(sent < 50_000_000 ? bytes.subarray(0, 65_536) : null);
        },
      });
      await pipeline(endless, response).catch(() => {});
    },
  });
  const endless = await errorOf(b.read());
  t.equal(endless.code, 'SIZE_MISMATCH');
  t.ok(sent < 20_000_000, 'the body was aborted soon after the announced size');
});

t.test('a piece whose memory others may share can be ended, and they keep theirs', async (t) => {
  for (const [what, length, kept] of [
    ['in the pool that Node has for small pieces', 50, true],
    ['a part of what a large read brought', 100_000, false],
  ] as const) {
    const { bytes: sent, descriptor: wanted } = layerOf(length);
    const body = Buffer.concat([sent, Buffer.alloc(1)]).subarray(0, length);
    t.ok(body.buffer.byteLength > length);
    const { client } = testClient({
      transport: async () => ({
        status: 200,
        headers: new Map([['content-length', [String(sent.length)]]]),
        body: Readable.from([body]),
        keepsNothing: true,
      }),
    });
    const repository = client.repository({ registry: 'registry.test', repository: 'app' });
    for await (const chunk of await repository.openBlob(wanted)) endChunk(chunk);
    t.equal(body.length > 0, kept, what);
  }
});

t.test('item 14: a cut body is continued once, from the exact offset', async (t) => {
  for (const at of [1, 50_000, 100_000, 199_999]) {
    await using b = await bench();
    b.server.script(
      { kind: 'blob-get', act: cutAnswer(200, { body: bytes, at }) },
      { kind: 'blob-get', act: ranged },
    );
    t.same(await b.read(), bytes);
    t.same(b.ranges(), [undefined, `bytes=${at}-`]);
  }
});

t.test('item 14: with TLS, whose records are gathered, nothing is lost at a cut', async (t) => {
  const tls = await makeCertificate(t.testdir(), 'server');
  const large = layerOf(5_000_000);
  for (const at of [16_384, 1_000_000, 2_097_152, 4_999_999]) {
    await using server = await startFaultServer({ tls });
    const { client } = testClient({ settings: { caFiles: [tls.caFile] } });
    const repository = client.repository({ registry: server.host, repository: 'app' });
    const rest = large.bytes.subarray(at);
    const range = `bytes ${at}-${large.bytes.length - 1}/${large.bytes.length}`;
    server.script(
      { kind: 'blob-get', act: cutAnswer(200, { body: large.bytes, at }) },
      { kind: 'blob-get', act: reply(206, { body: rest, headers: { 'content-range': range } }) },
    );
    const read = await readAll(await repository.openBlob(large.descriptor));
    t.ok(read.equals(large.bytes));
    t.same(
      server.requests.filter(({ kind }) => kind === 'blob-get').map(({ headers }) => headers.range),
      [undefined, `bytes=${at}-`],
    );
    await client.close();
  }
});

t.test('item 14: a blob that is cut ten times arrives all the same', async (t) => {
  await using b = await bench();
  const step = Math.ceil(bytes.length / 10);
  b.server.script({
    kind: 'blob-get',
    times: 50,
    act: async (exchange) => {
      const from = Number(/\d+/.exec(exchange.seen.headers.range ?? '0')?.[0]);
      const rest = bytes.subarray(from);
      const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
      const act = cutAnswer(from === 0 ? 200 : 206, {
        body: rest,
        at: Math.min(step, rest.length),
        by: 'rst',
        headers: { 'content-range': range },
      });
      await act(exchange);
    },
  });
  t.same(await b.read(), bytes);
  t.ok(b.client.totals.retries >= 9);
});

t.test('item 15: a registry that ignores ranges is read up to the offset', async (t) => {
  await using b = await bench();
  b.server.script(
    { kind: 'blob-get', act: cutAnswer(200, { body: bytes, at: 70_000 }) },
    { kind: 'blob-get', act: reply(200, { body: bytes }) },
  );
  t.same(await b.read(), bytes);
  t.equal(b.client.totals.pulled, bytes.length, 'bytes are counted once');
});

t.test('item 16: a part that begins elsewhere is not joined', async (t) => {
  for (const range of ['bytes 60000-199999/200000', 'bytes 70000-199999/300000', 'nonsense']) {
    await using b = await bench();
    b.server.script(
      { kind: 'blob-get', act: cutAnswer(200, { body: bytes, at: 70_000 }) },
      {
        kind: 'blob-get',
        act: reply(206, { body: bytes.subarray(60_000), headers: { 'content-range': range } }),
      },
      { kind: 'blob-get', act: reply(200, { body: bytes }) },
    );
    t.same(await b.read(), bytes, range);
  }
});

t.test('item 17: no range is asked for at the end of a blob', async (t) => {
  await using b = await bench();
  b.server.script({
    kind: 'blob-get',
    act: async ({ request, response }) => {
      // Everything arrives, but the end of the chunked body does not.
      response.writeHead(200);
      response.write(bytes);
      setTimeout(() => request.socket.resetAndDestroy(), 50);
    },
  });
  t.same(await b.read(), bytes);
  t.same(b.ranges(), [undefined]);

  await using registry = await startDockerRegistry();
  const image = imageOf([layerOf(0), layerOf(1)]);
  const place = { registry: registry.host, repository: 'empty' };
  await pushImage(b.client, place, image);
  for (const { descriptor: what, bytes: content } of image.blobs) {
    t.same(await readAll(await b.client.repository(place).openBlob(what)), content);
  }
  await registry.settle();
  t.notOk(registry.requests.some(({ status }) => status === 416));
});

t.test('item 18: resets, silence and lost connections are retried', async (t) => {
  const faults = {
    'RST before the answer': cutRequest(0, 'rst'),
    'FIN before the answer': cutRequest(0, 'fin'),
    'RST after the headers': cutAnswer(200, { body: bytes, at: 0, by: 'rst' }),
    'FIN after the headers': cutAnswer(200, { body: bytes, at: 0, by: 'fin' }),
    'RST in the middle': cutAnswer(200, { body: bytes, at: 90_000, by: 'rst' }),
  };
  for (const [name, act] of Object.entries(faults)) {
    await using b = await bench();
    b.server.script(
      { kind: 'blob-get', times: 2, act },
      { kind: 'blob-get', times: 9, act: ranged },
    );
    t.same(await b.read(), bytes, name);
    t.equal(b.client.totals.retries, 2, name);
  }
});

t.test('item 18: the last error names host, method and attempts', async (t) => {
  await using b = await bench();
  b.server.script({ kind: 'blob-get', times: 99, act: cutRequest() });
  const error = await errorOf(b.read());
  t.equal(error.code, 'REGISTRY_UNAVAILABLE');
  t.equal(error.exitCode, 5);
  t.equal(error.retryable, true);
  t.match(error.message, `GET ${b.server.host}, 5 attempts`);
  t.equal(error.details['attempts'], 5);

  const { host } = b.server;
  await b.server.close();
  const gone = testClient();
  const refused = await errorOf(
    gone.client.repository({ registry: host, repository: 'app' }).resolve('1'),
  );
  t.equal(refused.code, 'REGISTRY_UNAVAILABLE');
  t.match(refused.message, /ECONNREFUSED/);
  t.equal(refused.details['attempts'], 5);
  await gone.client.close();
});

t.test('item 18: a host name that does not exist is not asked for again', async (t) => {
  let asked = 0;
  const { client } = testClient({
    transport: async () => {
      asked += 1;
      throw Object.assign(new Error('getaddrinfo ENOTFOUND registry.invalid'), {
        code: 'ENOTFOUND',
      });
    },
  });
  const repository = client.repository({ registry: 'registry.invalid', repository: 'app' });
  const error = await errorOf(repository.resolve('1'));
  t.equal(error.code, 'REGISTRY_UNAVAILABLE');
  t.equal(asked, 1);
  t.match(error.suggestion, /name of the registry/);
});

t.test('item 18: trouble with name servers is waited out', async (t) => {
  let asked = 0;
  const { client } = testClient({
    transport: async () => {
      asked += 1;
      throw Object.assign(new Error('getaddrinfo EAI_AGAIN registry.test'), { code: 'EAI_AGAIN' });
    },
  });
  const repository = client.repository({ registry: 'registry.test', repository: 'app' });
  t.equal((await errorOf(repository.resolve('1'))).code, 'REGISTRY_UNAVAILABLE');
  t.equal(asked, 5);
});

t.test('item 18: a registry that has answered may be gone for a while', async (t) => {
  await using b = await bench();
  let refuse = 0;
  const transport = undiciTransport({ ...defaultRegistrySettings, connectMs: 1000 });
  const { client } = testClient({
    transport: async (request) => {
      if (refuse > 0) {
        refuse -= 1;
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      }
      return transport.send(request);
    },
    settings: { retry: { ...defaultRegistrySettings.retry, baseMs: 1, maxMs: 5, outageMs: 5000 } },
  });
  const repository = client.repository({ registry: b.server.host, repository: 'app' });
  b.server.script({ kind: 'blob-get', times: 9, act: ranged });
  await readAll(await repository.openBlob(descriptor));
  refuse = 30;
  t.same(await readAll(await repository.openBlob(descriptor)), bytes);
  await Promise.all([client.close(), transport.close()]);
});

t.test('item 19: a transfer that stands still or crawls is given up and continued', async (t) => {
  const crawl = drip(200, { body: bytes, bytes: 20, everyMs: 50 });
  const faults = {
    'silence in the middle': stall(200, { body: bytes, at: 60_000 }),
    'silence after the headers': stall(200, { body: bytes, at: 0 }),
    'no answer': hang(),
    'one byte after the other': crawl,
  };
  const timeouts = {
    ...(quickSettings.timeouts as NonNullable<typeof quickSettings.timeouts>),
    responseMs: 500,
    stall: { idleMs: 300, windowMs: 400, minBytesPerSecond: 5000 },
  };
  for (const [name, act] of Object.entries(faults)) {
    await using b = await bench({ settings: { timeouts } });
    b.server.script({ kind: 'blob-get', act }, { kind: 'blob-get', times: 9, act: ranged });
    t.same(await b.read(), bytes, name);
    t.equal(b.client.totals.retries, 1, name);
  }
});

t.test('item 19: a slow reader is not taken for a slow registry', async (t) => {
  const big = layerOf(3_000_000, 'slow reader');
  await using b = await bench();
  b.server.script({ kind: 'blob-get', act: reply(200, { body: big.bytes }) });
  const repository = b.client.repository({ registry: b.server.host, repository: 'app' });
  const stream = await repository.openBlob(big.descriptor);
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size < 200_000) await new Promise((resolve) => setTimeout(resolve, 250));
  }
  t.equal(size, big.bytes.length);
  t.equal(b.client.totals.retries, 0);
});

t.test('item 20: a redirect to a storage carries no authorization', async (t) => {
  await using storage = await startFaultServer();
  storage.script({
    times: 9,
    act: replyWith((seen) =>
      seen.headers.authorization === undefined
        ? { status: 200, body: bytes }
        : { status: 400, body: '<Error>Only one auth mechanism allowed</Error>' },
    ),
  });
  await using b = await bench({
    credential: { kind: 'bearer', token: 'secret-token', origin: 'test' },
  });
  b.server.script({
    kind: 'blob-get',
    times: 9,
    act: replyWith((seen) => ({
      status: seen.headers.authorization === 'Bearer secret-token' ? 307 : 401,
      headers: { location: `${storage.url}/bucket/blob?X-Amz-Signature=abc` },
    })),
  });
  t.same(await b.read(), bytes);
  t.equal(storage.requests.length, 1);
  t.equal(storage.requests[0]?.headers.cookie, undefined);
});

t.test('item 21: an expired signed URL leads back to the registry', async (t) => {
  await using storage = await startFaultServer();
  await using b = await bench();
  let issued = 0;
  b.server.script({
    kind: 'blob-get',
    times: 9,
    act: replyWith(() => {
      issued += 1;
      return { status: 307, headers: { location: `${storage.url}/blob?signature=${issued}` } };
    }),
  });
  storage.script(
    { path: '/blob?signature=1', act: cutAnswer(200, { body: bytes, at: 80_000 }) },
    { path: '/blob?signature=2', act: reply(403, { body: 'Request has expired' }) },
    { path: '/blob?signature=3', act: ranged },
  );
  t.same(await b.read(), bytes);
  t.equal(issued, 3);
});

t.test('item 22: relative redirects and the limit of hops', async (t) => {
  await using b = await bench();
  b.server.script(
    { kind: 'blob-get', act: reply(302, { headers: { location: '../other?x=1' } }) },
    { path: '/v2/app/other?x=1', act: reply(200, { body: bytes }) },
  );
  t.same(await b.read(), bytes);

  b.server.script({ times: 99, act: reply(307, { headers: { location: '/v2/app/blobs/again' } }) });
  const before = b.server.requests.length;
  const error = await errorOf(b.read());
  t.equal(error.code, 'REGISTRY_PROTOCOL');
  t.match(error.message, /more than 5 redirects/);
  t.equal(b.server.requests.length - before, 6);
});

t.test('item 22: no redirect to plain HTTP, other schemes or special addresses', async (t) => {
  const targets: Readonly<Record<string, RegExp>> = {
    'http://storage.example.com/blob': /plain HTTP/,
    'file:///etc/passwd': /file:/,
    'https://169.254.169.254/latest/meta-data/': /special address/,
    'https://[::ffff:169.254.169.254]/': /special address/,
    'https://0.0.0.0/': /special address/,
    'https://127.0.0.1/': /loopback address/,
    'https://[::1]/': /loopback address/,
    'https://localhost/': /loopback address/,
    'https://10.1.2.3/': /private address/,
    'https://192.168.1.1/': /private address/,
    'https://[fd00::1]/': /private address/,
    'https://2130706433/': /loopback address/,
    'https://0x7f.1/': /loopback address/,
    'https://user:password@storage.example.com/': /redirect/,
  };
  for (const [location, why] of Object.entries(targets)) {
    const sent: string[] = [];
    const { client } = testClient({
      transport: async ({ url }) => {
        sent.push(url.host);
        return {
          status: 307,
          headers: new Map([['location', [location]]]),
          body: Readable.from([]),
        };
      },
    });
    const repository = client.repository({ registry: 'registry.test', repository: 'app' });
    const error = await errorOf(repository.openBlob(descriptor));
    t.equal(error.code, 'REGISTRY_REFUSED', location);
    t.match(error.message, why);
    t.same(sent, ['registry.test']);
  }
});

t.test(
  'item 22: a name that resolves to a private address is refused when connecting',
  async (t) => {
    await using server = await startFaultServer();
    const transport = undiciTransport({ ...defaultRegistrySettings, connectMs: 1000 });
    const url = new URL(server.url.replace('127.0.0.1', 'localhost'));
    const request = { method: 'GET', url, headers: {}, signal: AbortSignal.timeout(2000) } as const;
    const error = await errorOf(transport.send({ ...request, reach: 'public' }));
    t.match(error, { code: 'ERR_ADDRESS_REFUSED' });
    for (const host of ['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433']) {
      const literal = new URL(url.href.replace('localhost', host));
      const refused = await errorOf(transport.send({ ...request, url: literal, reach: 'public' }));
      t.match(refused, { code: 'ERR_ADDRESS_REFUSED' }, `the address ${host} itself`);
    }
    t.equal(server.requests.length, 0);
    const { body } = await transport.send({ ...request, reach: 'loopback' });
    body.resume();
    await finished(body);
    t.equal(server.requests.length, 1);
    await transport.close();
  },
);

t.test('item 22: a registry on loopback may use storage on loopback', async (t) => {
  await using storage = await startFaultServer({ rules: [{ act: reply(200, { body: bytes }) }] });
  await using b = await bench();
  b.server.script({
    kind: 'blob-get',
    act: reply(307, { headers: { location: `${storage.url}/x` } }),
  });
  t.same(await b.read(), bytes);
  b.server.script({
    kind: 'blob-get',
    act: reply(307, { headers: { location: 'http://169.254.169.254/latest' } }),
  });
  t.equal((await errorOf(b.read())).code, 'REGISTRY_REFUSED');
});

t.test('item 23: a blob that is labelled as encoded is taken as it is', async (t) => {
  await using b = await bench();
  b.server.script({
    kind: 'blob-get',
    act: replyWith(() => ({
      status: 200,
      body: bytes,
      headers: { 'content-encoding': 'gzip, gzip' },
    })),
  });
  t.same(await b.read(), bytes);
  t.equal(b.server.requests.at(-1)?.headers['accept-encoding'], 'identity');
});

t.test('item 24: embedded data is used without a request', async (t) => {
  await using b = await bench();
  const small = layerOf(100);
  const what = { ...small.descriptor, data: small.bytes.toString('base64') };
  t.same(await b.read(what), small.bytes);
  t.equal(b.server.requests.length, 0);
});

t.test('item 25: a foreign layer is fetched from its URLs without credentials', async (t) => {
  await using elsewhere = await startFaultServer({ rules: [{ times: 9, act: ranged }] });
  await using b = await bench({ credential: { kind: 'bearer', token: 'secret', origin: 'test' } });
  b.server.script({ kind: 'blob-get', times: 99, act: reply(404) });
  const foreign = {
    ...descriptor,
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  };
  const urls = [`http://169.254.169.254/layer`, `${elsewhere.url}/layer`];
  t.same(await b.read({ ...foreign, urls }), bytes);
  t.equal(elsewhere.requests[0]?.headers.authorization, undefined);

  const refused = await errorOf(b.read({ ...foreign, urls: ['http://169.254.169.254/layer'] }));
  t.equal(refused.code, 'REGISTRY_REFUSED', 'CVE-2020-15157');
  const own = await errorOf(b.read({ ...foreign, urls: [`${b.server.url}/own`] }));
  t.equal(own.code, 'BLOB_NOT_FOUND');
  const last = b.server.requests.at(-1);
  t.equal(last?.path, '/own');
  t.equal(last?.headers.authorization, undefined, 'not even on the registry itself');

  const ordinary = await errorOf(b.read({ ...descriptor, urls: [`${elsewhere.url}/layer`] }));
  t.equal(ordinary.code, 'BLOB_NOT_FOUND', 'urls alone do not make a layer foreign');
});

t.test('a missing blob, an abort and a stream that nobody reads', async (t) => {
  await using b = await bench();
  b.server.script({ kind: 'blob-get', act: reply(404) });
  t.equal((await errorOf(b.read())).code, 'BLOB_NOT_FOUND');

  const repository = b.client.repository({ registry: b.server.host, repository: 'app' });
  b.server.script({ kind: 'blob-get', times: 20, act: stall(200, { body: bytes, at: 100 }) });
  const controller = new AbortController();
  const stream = await repository.openBlob(descriptor, controller.signal);
  const reading = errorOf(readAll(stream));
  controller.abort(new Error('enough'));
  t.match(await reading, { message: 'enough' });

  for (let i = 0; i < 8; i += 1) {
    const unread = await repository.openBlob(descriptor);
    unread.destroy();
  }
  t.pass('destroyed streams give their slots back');
});
