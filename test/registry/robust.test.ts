/**
 * Rates, retries, warnings, schemes and secrecy: items 60, 62 to 65, 68 and 71 of the registry checklist.
 */

import { Readable } from 'node:stream';
import t from 'tap';
import { defaultRegistrySettings, type Transport } from '../../src/registry/index.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { cutRequest, raw, reply, replyError, replyWith, stall } from '../support/fault-actions.ts';
import { startFaultServer } from '../support/fault-server.ts';
import {
  errorOf,
  fakeClock,
  imageOf,
  layerOf,
  login,
  manifestHeaders,
  pushImage,
  quickSettings,
  readAll,
  testClient,
} from './support.ts';

const layer = layerOf(10_000);
const image = imageOf([layer]);

interface Step {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A transport that answers by a list; the last entry holds for all further requests. */
function answering(steps: readonly Step[]): Transport & { sent: string[] } {
  const sent: string[] = [];
  const transport: Transport = async ({ method, url }) => {
    const step = steps[Math.min(sent.length, steps.length - 1)] as Step;
    sent.push(`${method} ${url.host}`);
    const headers = Object.entries({ ...manifestHeaders(image), ...step.headers });
    const fields = new Map(headers.map(([name, value]) => [name, [String(value)]]));
    return { status: step.status, headers: fields, body: Readable.from([]) };
  };
  return Object.assign(transport, { sent });
}

const place = { registry: 'registry.test', repository: 'app' };
const ok: Step = { status: 200 };

t.test('item 62: Retry-After in seconds and as a date is waited for', async (t) => {
  const clock = fakeClock();
  const date = new Date(clock.now() + 20_000).toUTCString();
  for (const [value, expected] of [
    ['7', 7000],
    [date, 20_000],
  ] as const) {
    const own = fakeClock();
    const transport = answering([{ status: 429, headers: { 'retry-after': value } }, ok]);
    const { client } = testClient({ clock: own, transport, random: () => 0 });
    t.same(await client.repository(place).resolve('1'), image.descriptor);
    const waited = own.slept.reduce((sum, ms) => sum + ms, 0);
    t.ok(waited >= expected && waited < expected * 1.3, `${value}: ${waited}`);
  }
});

t.test('item 62: without a usable Retry-After the usual pauses hold', async (t) => {
  const past = new Date(1_700_000_000_000).toUTCString();
  for (const value of [undefined, '-1', 'soon', past, '1e3', '']) {
    const clock = fakeClock();
    const headers = value === undefined ? {} : { 'retry-after': value };
    const transport = answering([{ status: 429, headers }, ok]);
    const { client } = testClient({ clock, transport, random: () => 0.5 });
    t.same(await client.repository(place).resolve('1'), image.descriptor, `${value}`);
    t.ok(clock.slept.reduce((sum, ms) => sum + ms, 0) < 100);
  }
});

t.test('item 62: a wait beyond the limit ends the operation and is told', async (t) => {
  const clock = fakeClock();
  const transport = answering([{ status: 429, headers: { 'retry-after': '3600' } }]);
  const { client } = testClient({ clock, transport });
  const error = await errorOf(client.repository(place).resolve('1'));
  t.equal(error.code, 'REGISTRY_RATE_LIMITED');
  t.equal(error.exitCode, 5);
  t.match(error.message, /asks to wait 3600 s/);
  t.equal(transport.sent.length, 1);
  t.same(clock.slept, []);
});

t.test('item 62: all work for that host pauses, other hosts go on', async (t) => {
  const began = Date.now();
  const times: Record<string, number[]> = { 'limited.test': [], 'free.test': [] };
  let first = true;
  const { client } = testClient({
    transport: async ({ url }) => {
      times[url.host]?.push(Date.now() - began);
      const limited = first && url.host === 'limited.test';
      if (limited) first = false;
      const fields = Object.entries(limited ? { 'retry-after': '1' } : manifestHeaders(image)).map(
        ([name, value]) => [name, [String(value)]] as const,
      );
      return { status: limited ? 429 : 200, headers: new Map(fields), body: Readable.from([]) };
    },
  });
  const at = (registry: string) => client.repository({ registry, repository: 'app' });
  const limited = at('limited.test').resolve('1');
  while (first) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const others = [1, 2, 3].map((i) => at('limited.test').resolve(`t${i}`));
  const free = [1, 2, 3].map((i) => at('free.test').resolve(`t${i}`));
  await Promise.all([limited, ...others, ...free]);
  t.ok(
    times['limited.test']?.slice(1).every((time) => time >= 950),
    `${times['limited.test']}`,
  );
  t.ok(
    times['free.test']?.every((time) => time < 900),
    `${times['free.test']}`,
  );
});

t.test('item 63: which statuses are worth another attempt', async (t) => {
  const again = [408, 429, 499, 500, 502, 503, 504, 522];
  const final = [400, 401, 403, 404, 405, 409, 410, 422, 451, 501, 505, 507];
  for (const status of [...again, ...final]) {
    const transport = answering([{ status }]);
    const { client } = testClient({ clock: fakeClock(), transport });
    const error = await errorOf(client.repository(place).openBlob(layer.descriptor));
    const expected = again.includes(status) ? 5 : 1;
    const blobs = transport.sent.length - (status === 401 ? 1 : 0);
    t.equal(blobs, expected, `${status} ${error.code}`);
    t.equal(error.retryable, again.includes(status));
    t.equal(error.details['status'], status);
  }
});

t.test('item 63: pauses grow, are random and have a limit', async (t) => {
  const pauses = async (random: number): Promise<readonly number[]> => {
    const clock = fakeClock();
    const { client } = testClient({
      clock,
      transport: answering([{ status: 503 }]),
      random: () => random,
      settings: {
        retry: { ...defaultRegistrySettings.retry, attempts: 10, baseMs: 500 },
        timeouts: defaultRegistrySettings.timeouts,
      },
    });
    await errorOf(client.repository(place).resolve('1'));
    return clock.slept;
  };
  t.same(
    (await pauses(0.999_999)).map((ms) => Math.round(ms)),
    [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000],
  );
  t.ok(
    (await pauses(0)).every((ms) => ms === 0),
    'full jitter goes down to nothing',
  );
});

t.test('item 63: the total time of an operation is kept', async (t) => {
  const clock = fakeClock();
  const { client } = testClient({
    clock,
    transport: answering([{ status: 503, headers: { 'retry-after': '50' } }]),
    settings: {
      retry: { ...defaultRegistrySettings.retry, attempts: 1000 },
      timeouts: { ...defaultRegistrySettings.timeouts, totalMs: 200_000 },
    },
  });
  const error = await errorOf(client.repository(place).resolve('1'));
  t.equal(error.code, 'REGISTRY_UNAVAILABLE');
  t.ok(clock.slept.reduce((sum, ms) => sum + ms, 0) <= 200_000);

  const hanging = testClient({
    transport: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    settings: { timeouts: { ...defaultRegistrySettings.timeouts, totalMs: 300 } },
  });
  const late = await errorOf(hanging.client.repository(place).resolve('1'));
  t.equal(late.code, 'REGISTRY_UNAVAILABLE');
  t.match(late.message, /took over 0.3 s/);
});

t.test('item 63: error codes count where the status says little', async (t) => {
  await using server = await startFaultServer();
  const { client } = testClient();
  const repository = client.repository({ registry: server.host, repository: 'app' });
  server.script(
    { kind: 'blob-get', act: replyError(400, 'TOOMANYREQUESTS') },
    { kind: 'blob-get', act: replyError(400, 'UNAVAILABLE') },
    { kind: 'blob-get', act: reply(200, { body: layer.bytes }) },
  );
  t.same(await readAll(await repository.openBlob(layer.descriptor)), layer.bytes);
  await client.close();
});

t.test(
  'item 64: what is left of a rate limit is told, and what to do when nothing is',
  async (t) => {
    const near = testClient({
      transport: answering([{ status: 200, headers: { 'ratelimit-remaining': '3;w=21600' } }]),
    });
    await near.client.repository(place).resolve('1');
    await near.client.repository(place).resolve('1');
    t.same(near.messages(), ['registry.test allows 3 more pulls in this period']);

    const far = testClient({
      transport: answering([{ status: 200, headers: { 'ratelimit-remaining': '90;w=21600' } }]),
    });
    await far.client.repository(place).resolve('1');
    t.same(far.messages(), []);
    t.match(far.messages('debug'), [/allows 90 more/]);

    await using server = await startFaultServer({
      rules: [{ times: 99, act: replyError(429, 'TOOMANYREQUESTS') }],
    });
    const { client } = testClient();
    const error = await errorOf(
      client.repository({ registry: server.host, repository: 'app' }).resolve('1'),
    );
    t.equal(error.code, 'REGISTRY_RATE_LIMITED');
    t.match(error.suggestion, /log in with: s2oci login/);
    await client.close();
  },
);

t.test('item 65: a warning is shown once for each text', async (t) => {
  const warnings = [
    '299 - "this repository is \\"old\\", move"',
    '299 - "this repository is \\"old\\", move", 299 - "second"',
    '214 proxy "changed", 299 - "third"',
  ];
  let sent = 0;
  const { client, messages } = testClient({
    transport: async () => {
      const warning = warnings[Math.min(sent++, 2)] ?? '';
      const fields = Object.entries({ ...manifestHeaders(image), warning });
      return {
        status: 200,
        headers: new Map(fields.map(([name, value]) => [name, [String(value)]])),
        body: Readable.from([]),
      };
    },
  });
  for (let i = 0; i < 6; i += 1) await client.repository(place).resolve('1');
  t.same(messages(), [
    'registry.test says: this repository is "old", move',
    'registry.test says: second',
    'registry.test says: third',
  ]);
});

t.test('item 68: HTTPS always, plain HTTP only on loopback or where named', async (t) => {
  const sent: string[] = [];
  const transport: Transport = async ({ method, url }) => {
    sent.push(`${method} ${url.protocol}//${url.host}`);
    if (url.protocol === 'https:') {
      throw Object.assign(new Error('wrong version number'), {
        code: 'ERR_SSL_WRONG_VERSION_NUMBER',
      });
    }
    const fields = Object.entries(manifestHeaders(image)).map(
      ([k, v]) => [k, [String(v)]] as const,
    );
    return { status: 200, headers: new Map(fields), body: Readable.from([]) };
  };
  const plain = async (registry: string, insecure: readonly string[] = []): Promise<boolean> => {
    sent.length = 0;
    const { client } = testClient({ transport, settings: { insecure } });
    const outcome = await client
      .repository({ registry, repository: 'app' })
      .resolve('1')
      .catch((error: { code: string; suggestion?: string }) => error);
    t.match(sent[0], /https:/, `${registry}: HTTPS first`);
    if (!('code' in outcome)) return true;
    t.equal(outcome.code, 'TLS_UNTRUSTED');
    t.match(outcome.suggestion, `--insecure-registry ${registry}`);
    return false;
  };
  for (const registry of [
    'localhost:5000',
    '127.0.0.1:5000',
    '127.3.4.5',
    '[::1]:5000',
    'a.localhost',
  ]) {
    t.equal(await plain(registry), true, registry);
  }
  for (const registry of [
    'registry.test',
    '10.0.0.1:5000',
    '192.168.1.1',
    'registry.local',
    '[fd00::1]:80',
  ]) {
    t.equal(await plain(registry), false, registry);
  }
  t.equal(await plain('registry.test', ['registry.test']), true);
  t.equal(await plain('registry.test:5000', ['registry.test']), true, 'the name covers its ports');
  t.equal(await plain('registry.test', ['registry.test:5000']), false);
  t.equal(await plain('sub.registry.test', ['registry.test']), false, 'exactly the host');
});

t.test('item 68: HTTPS that fails otherwise never leads to plain HTTP', async (t) => {
  for (const code of [
    'ECONNRESET',
    'CERT_HAS_EXPIRED',
    'ECONNREFUSED',
    'UND_ERR_CONNECT_TIMEOUT',
  ]) {
    const protocols = new Set<string>();
    const { client } = testClient({
      clock: fakeClock(),
      transport: async ({ url }) => {
        protocols.add(url.protocol);
        throw Object.assign(new Error(code), { code });
      },
    });
    await errorOf(
      client.repository({ registry: 'localhost:5000', repository: 'app' }).resolve('1'),
    );
    t.same([...protocols], ['https:'], code);
  }
});

t.test('item 60: no secret in messages, events or errors', async (t) => {
  const secrets = ['hunter2-password', 'tok3n-value', 'sig-nature', 'proxy-pass'];
  const encoded = secrets.flatMap((secret) => [
    secret,
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(`alice:${secret}`).toString('base64'),
    encodeURIComponent(secret),
  ]);
  await using tokens = await startFaultServer({
    rules: [
      { act: replyWith(() => ({ status: 200, body: JSON.stringify({ token: 'tok3n-value' }) })) },
      { times: 99, act: reply(403, { body: 'hunter2-password is wrong' }) },
    ],
  });
  const url = `http://127.0.0.1:9/bucket?X-Amz-Signature=sig-nature&X-Amz-Credential=hunter2-password`;
  const challenge = { 'www-authenticate': `Bearer realm="${tokens.url}/token"` };
  const faults = [
    reply(401, { headers: challenge }),
    reply(307, { headers: { location: url } }),
    cutRequest(),
    reply(500, { body: `Authorization: Bearer tok3n-value at ${url}` }),
    raw('HTTP/1.1 200 OK\r\nBad Header tok3n-value\r\n\r\n'),
    reply(403, { body: `{"errors":[{"code":"DENIED","message":"see ${url}"}]}` }),
    reply(307, { headers: { location: 'https://user:hunter2-password@evil.test/' } }),
    reply(202, { headers: { location: url } }),
  ];
  for (const act of faults) {
    await using server = await startFaultServer({
      rules: [
        { kind: 'blob-head', act: reply(404) },
        { path: /app/, times: 99, act },
      ],
    });
    const { client, events } = testClient({ credential: login('alice', 'hunter2-password') });
    const repository = client.repository({ registry: server.host, repository: 'app' });
    const outcomes = [
      await errorOf(repository.resolve('1')),
      await errorOf(repository.openBlob(layer.descriptor)),
      await errorOf(repository.putBlob(layer.descriptor, layer.open)),
    ];
    const shown = outcomes.map(
      (error) => `${JSON.stringify(error)} ${error.message} ${error.suggestion}`,
    );
    const text = shown.join('\n') + JSON.stringify(events);
    t.same(
      encoded.filter((secret) => text.includes(secret)),
      [],
    );
    await client.close();
  }
});

t.test('item 71: requests go to the named host and where it redirects, nowhere else', async (t) => {
  const { createHook } = await import('node:async_hooks');
  const { channel } = await import('node:diagnostics_channel');
  const connected = new Set<string>();
  const note = (message: unknown): void => {
    const { connectParams } = message as { connectParams: { host: string } };
    connected.add(connectParams.host);
  };
  channel('undici:client:beforeConnect').subscribe(note);
  const lookups: string[] = [];
  const hook = createHook({
    init: (_id, type, _trigger, resource) => {
      if (type === 'GETADDRINFOREQWRAP') {
        lookups.push((resource as { hostname?: string }).hostname ?? 'unknown');
      }
    },
  }).enable();
  await using registry = await startDockerRegistry();
  await using storage = await startFaultServer({
    rules: [{ times: 9, act: reply(200, { body: layer.bytes }) }],
  });
  await using server = await startFaultServer({
    upstream: registry.url,
    rules: [{ kind: 'blob-get', act: reply(307, { headers: { location: `${storage.url}/x` } }) }],
  });
  const { client } = testClient();
  const here = { registry: server.host, repository: 'app' };
  await pushImage(client, here, image);
  await readAll(await client.repository(here).openBlob(layer.descriptor));
  await client.close();
  hook.disable();
  channel('undici:client:beforeConnect').unsubscribe(note);
  t.same(connected, new Set([server.host, storage.host]));
  t.same(lookups, []);
});

t.test('F01 F10 bad answers of every kind end with their code and a bounded text', async (t) => {
  const long = 'x'.repeat(100_000);
  const cases: readonly (readonly [ReturnType<typeof reply>, string, RegExp])[] = [
    [reply(413, { body: long }), 'REGISTRY_REFUSED', /413 x+/],
    [
      reply(400, { body: '<html>secret page</html>', headers: { 'content-type': 'text/html' } }),
      'REGISTRY_REFUSED',
      /400 \(an HTML page\)/,
    ],
    [reply(403), 'REGISTRY_DENIED', /403/],
    [
      reply(507, { body: 'Insufficient Storage' }),
      'REGISTRY_UNAVAILABLE',
      /507 Insufficient Storage/,
    ],
    [replyError(400, 'DENIED'), 'REGISTRY_DENIED', /DENIED: test DENIED/],
    [
      reply(400, { body: '{"errors":[{"code":5},null,{"code":"X","message":"\\u001b[31mred"}]}' }),
      'REGISTRY_REFUSED',
      /X: \\u\{1b\}\[31mred/,
    ],
    [reply(400, { body: '{"errors":"no list"}' }), 'REGISTRY_REFUSED', /400/],
    [
      reply(200, {
        body: Buffer.alloc(10_000),
        headers: { 'content-length': 10_000, 'x-large': 'y'.repeat(20_000) },
      }),
      'DIGEST_MISMATCH',
      /hashes to/,
    ],
    [raw('nonsense\r\n\r\n'), 'REGISTRY_PROTOCOL', /./],
    [
      raw(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`),
      'REGISTRY_PROTOCOL',
      /HEADERS_OVERFLOW|Headers Overflow/i,
    ],
    [
      raw('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
      'REGISTRY_UNAVAILABLE',
      /./,
    ],
  ];
  for (const [act, code, text] of cases) {
    await using server = await startFaultServer({ rules: [{ kind: 'blob-get', times: 9, act }] });
    const { client } = testClient();
    const repository = client.repository({ registry: server.host, repository: 'app' });
    const error = await errorOf(repository.openBlob(layer.descriptor).then(readAll));
    t.equal(error.code, code, error.message);
    t.match(error.message, text);
    t.ok(error.message.length < 3000);
    await client.close();
  }
});

t.test('informational answers are passed over', async (t) => {
  await using server = await startFaultServer({
    rules: [
      {
        kind: 'blob-get',
        act: raw(
          Buffer.concat([
            Buffer.from(
              'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n',
            ),
            Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${layer.bytes.length}\r\n\r\n`),
            layer.bytes,
          ]),
        ),
      },
    ],
  });
  const { client } = testClient();
  const repository = client.repository({ registry: server.host, repository: 'app' });
  t.same(await readAll(await repository.openBlob(layer.descriptor)), layer.bytes);
  await client.close();
});

t.test('F17 keep-alive connections that are closed on reuse do no harm', async (t) => {
  await using registry = await startDockerRegistry();
  await using server = await startFaultServer({ upstream: registry.url });
  const { client } = testClient({ settings: quickSettings });
  const here = { registry: server.host, repository: 'app' };
  await pushImage(client, here, image);
  for (let i = 0; i < 20; i += 1) {
    server.script({ kind: 'manifest-head', act: cutRequest(0, 'fin') });
    t.same(await client.repository(here).resolve('latest'), image.descriptor);
  }
  await client.close();
});

t.test('an answer whose body never comes does not hold anything up', async (t) => {
  await using server = await startFaultServer({
    rules: [
      { kind: 'blob-get', act: stall(404, { body: 'x'.repeat(100), at: 10 }) },
      { kind: 'upload-start', act: stall(202, { body: 'x', at: 0, headers: { location: '/u' } }) },
      { kind: 'blob-head', act: reply(404) },
      { method: 'PUT', act: reply(201) },
    ],
  });
  const { client } = testClient();
  const repository = client.repository({ registry: server.host, repository: 'app' });
  const error = await errorOf(repository.openBlob(layer.descriptor));
  t.equal(error.code, 'BLOB_NOT_FOUND');
  t.match(error.message, /404 x{10} /);
  t.equal(await repository.putBlob(layer.descriptor, layer.open), 'uploaded');
  t.ok(server.requests.length > 0);
  await client.close();
});
