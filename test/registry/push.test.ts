/**
 * Pushing blobs: items 30 to 42, 52 and 54 of the registry checklist.
 */

import { Readable } from 'node:stream';
import t from 'tap';
import type { PutOptions, PutOutcome } from '../../src/blob/index.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import {
  cutRequest,
  early,
  forward,
  hang,
  reply,
  replyError,
  replyWith,
} from '../support/fault-actions.ts';
import { type FaultServer, type Rule, startFaultServer } from '../support/fault-server.ts';
import {
  errorOf,
  layerOf,
  login,
  readAll,
  type TestBlob,
  type TestClient,
  testClient,
} from './support.ts';

t.setTimeout(120_000);

const mebibyte = 1024 * 1024;
const layer = layerOf(300_000);
const { descriptor, bytes } = layer;

interface Bench extends TestClient, AsyncDisposable {
  readonly server: FaultServer;
  put(blob?: TestBlob, options?: PutOptions): Promise<PutOutcome>;
}

async function bench(
  rules: readonly Rule[] = [],
  options: Parameters<typeof testClient>[0] & { readonly upstream?: string } = {},
): Promise<Bench> {
  const { upstream, ...rest } = options;
  const server = await startFaultServer({ rules, ...(upstream === undefined ? {} : { upstream }) });
  const tested = testClient(rest);
  const repository = tested.client.repository({ registry: server.host, repository: 'app' });
  return {
    ...tested,
    server,
    put: (blob = layer, how = {}) => repository.putBlob(blob.descriptor, blob.open, how),
    [Symbol.asyncDispose]: async () => {
      await tested.client.close();
      await server.close();
    },
  };
}

const absent: Rule = { kind: 'blob-head', act: reply(404) };
const opens = (location = '/v2/app/blobs/uploads/1'): Rule => ({
  kind: 'upload-start',
  act: reply(202, { headers: { location } }),
});
const stored: Rule = {
  kind: 'upload-put',
  act: reply(201, { headers: { 'docker-content-digest': descriptor.digest } }),
};
const withoutPing = (server: FaultServer): readonly string[] =>
  server.kinds().filter((kind) => kind !== 'ping' && !kind.startsWith('GET '));

t.test('item 30: what is there is not uploaded', async (t) => {
  await using registry = await startDockerRegistry();
  await using b = await bench([], { upstream: registry.url });
  t.equal(await b.put(), 'uploaded');
  b.server.reset();
  t.equal(await b.put(), 'present');
  t.same(withoutPing(b.server), ['blob-head']);
  t.equal(b.client.totals.skipped, bytes.length);
  t.equal(b.client.totals.pushed, bytes.length);
});

t.test('item 31: one POST and one PUT, at the Location as it was given', async (t) => {
  const locations = {
    '/v2/app/blobs/uploads/1': '/v2/app/blobs/uploads/1?digest=',
    '/v2/app/blobs/uploads/1?_state=a%2Fb==&x=%20y':
      '/v2/app/blobs/uploads/1?_state=a%2Fb==&x=%20y&digest=',
    '1?state=x': '/v2/app/blobs/uploads/1?state=x&digest=',
  };
  for (const [location, expected] of Object.entries(locations)) {
    await using b = await bench([absent, opens(location), stored]);
    t.equal(await b.put(), 'uploaded', location);
    t.same(withoutPing(b.server), ['blob-head', 'upload-start', 'upload-put']);
    const [, start, put] = b.server.requests.filter(({ kind }) => kind !== 'ping').slice(-3);
    t.equal(start?.path, '/v2/app/blobs/uploads/');
    t.equal(start?.headers['content-length'], '0');
    t.equal(put?.path, expected + encodeURIComponent(descriptor.digest));
    t.equal(put?.headers['content-length'], String(bytes.length));
    t.equal(put?.headers['transfer-encoding'], undefined);
    t.same(put?.body(), bytes);
  }
});

t.test(
  'item 31: an absolute Location on another host gets the bytes but no authorization',
  async (t) => {
    await using storage = await startFaultServer({ rules: [{ act: reply(201) }] });
    const credential = { kind: 'bearer', token: 'secret', origin: 'test' } as const;
    await using b = await bench([absent, opens(`${storage.url}/u/1`)], { credential });
    t.equal(await b.put(), 'uploaded');
    const [put] = storage.requests;
    t.equal(put?.method, 'PUT');
    t.equal(put?.headers.authorization, undefined, 'GHSA-jxpm-75mh-9fp7');
    t.same(put?.body(), bytes);
  },
);

interface Sent {
  readonly url: string;
  readonly authorization: string | undefined;
}

/** A registry at https://registry.test that opens uploads at a location. */
async function pushTo(location: string): Promise<{ sent: Sent[]; outcome: unknown }> {
  const sent: Sent[] = [];
  const { client } = testClient({
    credential: { kind: 'bearer', token: 'secret', origin: 'test' },
    transport: async ({ method, url, headers, body }) => {
      sent.push({ url: `${method} ${url.href}`, authorization: headers['authorization'] });
      if (body instanceof Readable) await body.resume().toArray();
      const status = { HEAD: 404, POST: 202, PUT: 201 }[method as 'HEAD'] ?? 404;
      const fields = status === 202 ? [['location', [location]] as const] : [];
      return { status, headers: new Map(fields), body: Readable.from([]) };
    },
  });
  const repository = client.repository({ registry: 'registry.test', repository: 'app' });
  const outcome = await repository.putBlob(descriptor, layer.open).catch((error: unknown) => error);
  return { sent, outcome };
}

t.test('item 32: plain HTTP on the same host is put right, elsewhere it is refused', async (t) => {
  const query = `digest=${encodeURIComponent(descriptor.digest)}`;
  const repaired = await pushTo('http://registry.test/v2/app/blobs/uploads/1');
  t.equal(repaired.outcome, 'uploaded');
  t.same(repaired.sent.at(-1), {
    url: `PUT https://registry.test/v2/app/blobs/uploads/1?${query}`,
    authorization: 'Bearer secret',
  });
  const refused = {
    'http://other.test/u': /plain HTTP/,
    'https://169.254.169.254/u': /special address/,
    'https://10.0.0.1/u': /private address/,
    'https://127.0.0.1/u': /loopback address/,
    'https://u:p@registry.test/u': /user information/,
    'ftp://registry.test/u': /ftp:/,
  };
  for (const [location, why] of Object.entries(refused)) {
    const { outcome, sent } = await pushTo(location);
    t.match(outcome, { code: 'REGISTRY_REFUSED', message: why }, location);
    t.notOk(sent.some(({ url }) => url.startsWith('PUT')));
  }
  const other = await pushTo('https://other.test/u');
  t.equal(other.outcome, 'uploaded');
  t.same(other.sent.at(-1), { url: `PUT https://other.test/u?${query}`, authorization: undefined });
});

t.test('item 33: the default port is the same written or not, other ports are kept', async (t) => {
  const query = `digest=${encodeURIComponent(descriptor.digest)}`;
  const written = await pushTo('https://registry.test:443/u');
  t.same(written.sent.at(-1), {
    url: `PUT https://registry.test/u?${query}`,
    authorization: 'Bearer secret',
  });
  const other = await pushTo('https://registry.test:5000/u');
  t.same(other.sent.at(-1), {
    url: `PUT https://registry.test:5000/u?${query}`,
    authorization: undefined,
  });
});

t.test('item 34: after a cut PUT a new session gets everything again', async (t) => {
  await using registry = await startDockerRegistry();
  for (const cutRequestAt of [1, 150_000, 299_999]) {
    await using b = await bench([{ kind: 'upload-put', act: forward({ cutRequestAt }) }], {
      upstream: registry.url,
    });
    const blob = layerOf(300_000, `cut at ${cutRequestAt}`);
    t.equal(await b.put(blob), 'uploaded');
    const puts = b.server.requests.filter(({ kind }) => kind === 'upload-put');
    t.equal(puts.length, 2);
    t.not(puts[0]?.path, puts[1]?.path, 'the dead location is not used again');
    t.same(puts[1]?.body(), blob.bytes);
    const repository = b.client.repository({ registry: b.server.host, repository: 'app' });
    t.same(await readAll(await repository.openBlob(blob.descriptor)), blob.bytes);
  }
});

t.test('item 35: a session that tells its offset is continued by PATCH', async (t) => {
  await using b = await bench([
    absent,
    opens(),
    { kind: 'upload-put', act: cutRequest(100_000) },
    { kind: 'blob-head', act: reply(404) },
    {
      kind: 'upload-status',
      act: reply(204, { headers: { location: '/v2/app/blobs/uploads/2', range: '0-99999' } }),
    },
    {
      kind: 'upload-patch',
      act: reply(202, { headers: { location: '/v2/app/blobs/uploads/3', range: '0-299999' } }),
    },
    stored,
  ]);
  t.equal(await b.put(), 'uploaded');
  const patch = b.server.requests.find(({ kind }) => kind === 'upload-patch');
  t.equal(patch?.path, '/v2/app/blobs/uploads/2');
  t.equal(patch?.headers['content-range'], '100000-299999');
  t.same(patch?.body(), bytes.subarray(100_000));
  const last = b.server.requests.at(-1);
  t.equal(last?.path, `/v2/app/blobs/uploads/3?digest=${encodeURIComponent(descriptor.digest)}`);
  t.equal(last?.headers['content-length'], '0');
  t.same(
    b.server.unexpected.filter(({ kind }) => kind !== 'ping'),
    [],
  );
});

t.test('item 35: a continued session whose content is wrong is begun anew', async (t) => {
  await using b = await bench([
    absent,
    opens(),
    { kind: 'upload-put', act: cutRequest(100_000) },
    { kind: 'blob-head', times: 9, act: reply(404) },
    {
      kind: 'upload-status',
      act: reply(204, { headers: { location: '/v2/app/blobs/uploads/2', range: '0-99999' } }),
    },
    { kind: 'upload-patch', act: reply(202, { headers: { location: '/v2/app/blobs/uploads/3' } }) },
    { kind: 'upload-put', act: replyError(400, 'DIGEST_INVALID') },
    opens('/v2/app/blobs/uploads/9'),
    stored,
  ]);
  t.equal(await b.put(), 'uploaded');
  t.same(b.server.requests.at(-1)?.body(), bytes);
});

t.test('item 36: a lost answer to PUT is found out, nothing is sent twice', async (t) => {
  await using registry = await startDockerRegistry();
  await using b = await bench([{ kind: 'upload-put', act: forward({ loseAnswer: true }) }], {
    upstream: registry.url,
  });
  t.equal(await b.put(), 'uploaded');
  t.same(withoutPing(b.server), ['blob-head', 'upload-start', 'upload-put', 'blob-head']);
  t.equal(b.client.totals.pushed, bytes.length);
});

t.test('item 37: a piece is never repeated to the same location unasked', async (t) => {
  await using registry = await startDockerRegistry();
  const big = layerOf(5 * mebibyte, 'pieces');
  await using b = await bench(
    [
      {
        kind: 'upload-put',
        when: ({ headers }) => headers['content-length'] !== '0',
        act: early(413),
      },
      { kind: 'upload-patch', act: forward({ loseAnswer: true }) },
    ],
    { upstream: registry.url },
  );
  t.equal(await b.put(big), 'uploaded');
  const patched = b.server.requests.filter(({ kind }) => kind === 'upload-patch');
  const sent = new Set(patched.map(({ path, headers }) => `${path} ${headers['content-range']}`));
  t.equal(sent.size, patched.length);
  const repository = b.client.repository({ registry: b.server.host, repository: 'app' });
  t.same(await readAll(await repository.openBlob(big.descriptor)), big.bytes);
});

t.test('item 38: a whole body that is too large is sent in pieces', async (t) => {
  await using registry = await startDockerRegistry();
  const big = layerOf(20 * mebibyte, 'large');
  const limit = (most: number): Rule => ({
    when: ({ headers }) => Number(headers['content-length'] ?? 0) > most,
    times: 99,
    act: early(413, { body: 'body too large' }),
  });
  await using b = await bench([limit(6 * mebibyte)], { upstream: registry.url });
  t.equal(await b.put(big), 'uploaded');
  const ranges = b.server.requests
    .filter(({ kind, status }) => kind === 'upload-patch' && status === 202)
    .map(({ headers }) => headers['content-range']);
  const step = 5 * mebibyte;
  t.same(
    ranges,
    [0, 1, 2, 3].map((i) => `${i * step}-${(i + 1) * step - 1}`),
  );
  const more = layerOf(6 * mebibyte + 1, 'another');
  const before = b.server.requests.length;
  t.equal(await b.put(more), 'uploaded');
  const refused = b.server.requests.slice(before).filter(({ status }) => status === 413);
  t.same(refused, [], 'the size is remembered for the host');
});

/** A registry that takes pieces and keeps them, with the odd habits of one kind. */
function piecewise(habits: {
  readonly most?: number;
  readonly least?: number;
  readonly header?: boolean;
  readonly patchStatus?: number;
  readonly staleRange?: boolean;
}): { readonly rules: readonly Rule[]; readonly content: () => Buffer } {
  let content = Buffer.alloc(0);
  const at = '/v2/app/blobs/uploads/';
  let step = 0;
  const next = (): string => `${at}${++step}`;
  return {
    content: () => content,
    rules: [
      { kind: 'blob-head', times: 99, act: reply(404) },
      {
        kind: 'upload-start',
        times: 99,
        act: replyWith(() => {
          content = Buffer.alloc(0);
          const minimum =
            habits.header === true ? { 'oci-chunk-min-length': `${habits.least}` } : {};
          return { status: 202, headers: { location: next(), ...minimum } };
        }),
      },
      {
        kind: 'upload-put',
        when: ({ headers }) => headers['content-length'] !== '0',
        times: 99,
        act: early(413),
      },
      {
        kind: 'upload-patch',
        times: 999,
        act: replyWith((seen) => {
          const [from = 0] = (seen.headers['content-range'] ?? '').split('-').map(Number);
          const tooLarge = seen.received > (habits.most ?? Number.POSITIVE_INFINITY);
          if (tooLarge || from !== content.length) return { status: 416 };
          content = Buffer.concat([content, seen.body()]);
          const end = habits.staleRange === true ? 0 : content.length - 1;
          return {
            status: habits.patchStatus ?? 202,
            headers: { location: next(), range: `0-${end}` },
          };
        }),
      },
      {
        kind: 'upload-status',
        times: 99,
        act: replyWith(() => ({
          status: 204,
          headers: { location: next(), range: `0-${Math.max(0, content.length - 1)}` },
        })),
      },
      { kind: 'upload-cancel', times: 99, act: reply(405) },
      { kind: 'upload-put', times: 9, act: reply(201) },
    ],
  };
}

t.test('item 38: pieces as GHCR takes them: at most 4 MiB, else 416', async (t) => {
  const registry = piecewise({ most: 4 * mebibyte });
  const big = layerOf(10 * mebibyte, 'ghcr');
  await using b = await bench(registry.rules);
  t.equal(await b.put(big), 'uploaded');
  t.same(registry.content(), big.bytes);
});

t.test('item 38: pieces as ECR takes them: 201, at least 5 MB, a stale Range', async (t) => {
  const registry = piecewise({ patchStatus: 201, staleRange: true });
  const big = layerOf(12 * mebibyte, 'ecr');
  await using b = await bench(registry.rules);
  t.equal(await b.put(big), 'uploaded');
  t.same(registry.content(), big.bytes);
  const sizes = b.server.requests
    .filter(({ kind }) => kind === 'upload-patch')
    .map(({ received }) => received);
  t.ok(sizes.slice(0, -1).every((size) => size >= 5_000_000));
});

t.test('item 38: OCI-Chunk-Min-Length is kept', async (t) => {
  const least = 7 * mebibyte;
  const registry = piecewise({ least, header: true });
  const big = layerOf(15 * mebibyte, 'minimum');
  await using b = await bench(registry.rules);
  t.equal(await b.put(big), 'uploaded');
  t.same(registry.content(), big.bytes);
  const sizes = b.server.requests
    .filter(({ kind }) => kind === 'upload-patch')
    .map(({ received }) => received);
  t.ok(
    sizes.slice(0, -1).every((size) => size >= least),
    String(sizes),
  );
});

t.test('item 38: a body that is too large even in the smallest pieces is refused', async (t) => {
  await using b = await bench([
    { kind: 'blob-head', times: 99, act: reply(404) },
    { ...opens(), times: 99 },
    { kind: 'upload-put', times: 99, act: early(413) },
    { kind: 'upload-patch', times: 99, act: early(413) },
    { kind: 'upload-cancel', times: 99, act: reply(204) },
  ]);
  const error = await errorOf(b.put(layerOf(2 * mebibyte)));
  t.equal(error.code, 'REGISTRY_REFUSED');
  t.equal(error.details['status'], 413);
});

t.test('item 39: 416 to a piece: the status tells where to go on', async (t) => {
  const registry = piecewise({});
  let lost = false;
  const big = layerOf(6 * mebibyte, '416');
  await using b = await bench([
    {
      kind: 'upload-patch',
      when: ({ headers }) => !lost && (headers['content-range'] ?? '').startsWith('5242880-'),
      act: replyWith(() => {
        lost = true;
        return { status: 416 };
      }),
    },
    {
      kind: 'upload-status',
      act: reply(204, { headers: { location: '/v2/app/blobs/uploads/s', range: '0-4194303' } }),
    },
    {
      kind: 'upload-patch',
      when: ({ headers }) => (headers['content-range'] ?? '').startsWith('4194304-'),
      act: reply(202, { headers: { location: '/v2/app/blobs/uploads/t' } }),
    },
    ...registry.rules,
  ]);
  t.equal(await b.put(big), 'uploaded');
  const patches = b.server.requests.filter(({ kind }) => kind === 'upload-patch');
  t.same(
    patches.map(({ headers }) => headers['content-range']),
    ['0-5242879', '5242880-6291455', '4194304-6291455'],
  );
  t.same(patches.at(-1)?.body(), big.bytes.subarray(4_194_304));
});

t.test('item 40: a mount that works, one that does not, every way of failing', async (t) => {
  await using registry = await startDockerRegistry();
  await using b = await bench([], { upstream: registry.url });
  const source = b.client.repository({ registry: b.server.host, repository: 'base/image' });
  await source.putBlob(descriptor, layer.open);
  b.server.reset();
  t.equal(await b.put(layer, { mountFrom: 'base/image' }), 'mounted');
  t.same(withoutPing(b.server), ['blob-head', 'upload-start']);
  t.equal(b.client.totals.mounted, bytes.length);

  const unknown = layerOf(5000, 'unknown');
  b.server.reset();
  t.equal(await b.put(unknown, { mountFrom: 'base/image' }), 'uploaded');
  const kinds = withoutPing(b.server);
  t.same(kinds, ['blob-head', 'upload-start', 'upload-put'], '202 gives the session of the upload');

  const failures = {
    ...Object.fromEntries([400, 401, 403, 404, 405, 500, 502, 503].map((s) => [s, reply(s)])),
    silence: hang(),
    reset: cutRequest(),
    'a strange success': reply(200, { body: 'Healthcheck requested' }),
  };
  for (const [name, act] of Object.entries(failures)) {
    const blob = layerOf(1000, `mount ${name}`);
    b.server.reset();
    b.server.script({ kind: 'upload-start', path: /mount=/, act });
    t.equal(await b.put(blob, { mountFrom: 'base/image' }), 'uploaded', name);
  }
});

t.test('item 40: blobs that were seen elsewhere are mounted from there', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const at = (repository: string) => client.repository({ registry: registry.host, repository });
  await at('one').putBlob(descriptor, layer.open);
  t.equal(await at('two').putBlob(descriptor, layer.open), 'mounted');
  await client.close();
});

t.test(
  'item 41: a mount asks for pull of the source; a registry that reads one scope still pushes',
  async (t) => {
    for (const lastScopeOnly of [false, true]) {
      await using registry = await startDockerRegistry({
        auth: 'token',
        tokens: { lastScopeOnly },
      });
      const { client } = testClient({ credential: login() });
      const at = (repository: string) => client.repository({ registry: registry.host, repository });
      await at('base').putBlob(descriptor, layer.open);
      const outcome = await at('app').putBlob(descriptor, layer.open, { mountFrom: 'base' });
      t.equal(outcome, lastScopeOnly ? 'uploaded' : 'mounted');
      const mounting = registry.tokenServer?.requests.find(({ scopes }) => scopes.length === 2);
      t.same(mounting?.scopes, ['repository:app:pull,push', 'repository:base:pull']);
      t.same(await readAll(await at('app').openBlob(descriptor)), bytes);
      await client.close();
    }
  },
);

t.test('item 52: an aborted upload is cancelled at the registry', async (t) => {
  await using b = await bench([
    absent,
    opens(),
    { kind: 'upload-put', act: hang({ read: false }) },
    { kind: 'upload-cancel', act: reply(204) },
  ]);
  const controller = new AbortController();
  const put = errorOf(b.put(layer, { signal: controller.signal }));
  while (!b.server.kinds().includes('upload-put')) await new Promise((r) => setTimeout(r, 10));
  const before = performance.now();
  controller.abort(new Error('interrupted'));
  t.match(await put, { message: 'interrupted' });
  t.ok(performance.now() - before < 1500);
  t.equal(b.server.kinds().at(-1), 'upload-cancel');
});

t.test('item 52: a registry that does not answer the cancellation is not waited for', async (t) => {
  await using b = await bench([
    absent,
    opens(),
    { kind: 'upload-put', act: hang({ read: false }) },
    { kind: 'upload-cancel', act: hang() },
  ]);
  const controller = new AbortController();
  const put = errorOf(b.put(layer, { signal: controller.signal }));
  while (!b.server.kinds().includes('upload-put')) await new Promise((r) => setTimeout(r, 10));
  const before = performance.now();
  controller.abort(new Error('interrupted'));
  await put;
  t.ok(performance.now() - before < 2500);
});

t.test('item 54: a success that is not the expected one is none', async (t) => {
  const healthcheck = { status: 200, body: 'Healthcheck requested' };
  await using b = await bench([
    { kind: 'blob-head', times: 9, act: reply(404) },
    { kind: 'upload-start', act: replyWith(() => healthcheck) },
    opens(),
    { kind: 'upload-put', act: replyWith(() => healthcheck) },
    { kind: 'upload-status', act: reply(404) },
    opens(),
    stored,
  ]);
  t.equal(await b.put(), 'uploaded');
  t.equal(b.server.kinds().filter((kind) => kind === 'upload-put').length, 2);
  const stubborn = await bench([
    { kind: 'blob-head', times: 99, act: reply(404) },
    { kind: 'upload-start', times: 99, act: replyWith(() => healthcheck) },
  ]);
  const error = await errorOf(stubborn.put());
  t.equal(error.code, 'REGISTRY_PROTOCOL');
  t.match(error.message, /unexpected answer 200 Healthcheck/);
  await stubborn[Symbol.asyncDispose]();
});

t.test('one digest that is put several times at once is transferred once', async (t) => {
  await using registry = await startDockerRegistry();
  await using b = await bench([], { upstream: registry.url });
  const outcomes = await Promise.all([b.put(), b.put(), b.put()]);
  t.same(outcomes, ['uploaded', 'uploaded', 'uploaded']);
  t.equal(b.client.totals.pushed, bytes.length);
});

t.test('a source that fails ends the upload with its own error', async (t) => {
  await using b = await bench([absent, opens(), { kind: 'upload-put', times: 9, act: hang() }]);
  const open = async (): Promise<Readable> =>
    new Readable({
      read() {
        this.destroy(new Error('the disk is broken'));
      },
    });
  t.match(await errorOf(b.put({ ...layer, open })), { message: 'the disk is broken' });
});

t.test('a source that is too short or too long is an error, not an endless loop', async (t) => {
  await using registry = await startDockerRegistry();
  for (const content of [bytes.subarray(1), Buffer.concat([bytes, Buffer.from('x')])]) {
    await using b = await bench([], { upstream: registry.url });
    const open = async (): Promise<Readable> => Readable.from([content]);
    const error = await errorOf(b.put({ ...layer, open }));
    t.equal(error.code, 'SIZE_MISMATCH');
    t.ok(b.server.kinds().filter((kind) => kind === 'upload-put').length <= 1);
  }
});

t.test('F06 a source that comes damaged once is read again, twice is an error', async (t) => {
  await using registry = await startDockerRegistry();
  for (const times of [1, 99]) {
    const from = await bench([{ kind: 'blob-get', times, act: forward({ flipAt: 77 }) }], {
      upstream: registry.url,
    });
    const blob = layerOf(40_000, `damaged ${times}`);
    const source = from.client.repository({ registry: registry.host, repository: 'source' });
    await source.putBlob(blob.descriptor, blob.open);
    const spoilt = from.client.repository({ registry: from.server.host, repository: 'source' });
    await using other = await startDockerRegistry();
    const target = from.client.repository({ registry: other.host, repository: 'app' });
    const put = target.putBlob(blob.descriptor, () => spoilt.openBlob(blob.descriptor));
    if (times === 1) t.equal(await put, 'uploaded');
    else t.equal((await errorOf(put)).code, 'DIGEST_MISMATCH');
    await from[Symbol.asyncDispose]();
  }
});
