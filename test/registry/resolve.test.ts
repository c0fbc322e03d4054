/**
 * Resolving references and fetching manifests: items 3 to 12 of the registry checklist.
 */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import t from 'tap';
import { composeIndex, mediaTypes } from '../../src/model/index.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { drip, reply, replyError, replyWith } from '../support/fault-actions.ts';
import { startFaultServer } from '../support/fault-server.ts';
import {
  errorOf,
  imageOf,
  layerOf,
  manifestHeaders,
  pushImage,
  quickSettings,
  testClient,
} from './support.ts';

const image = imageOf([layerOf(1000)]);
const { raw } = image.manifest;
const path = { registry: '', repository: 'team/app' };

t.test('item 3: a tag is resolved by HEAD alone', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const place = { registry: registry.host, repository: 'team/app' };
  await pushImage(client, place, image);
  for (let i = 0; i < 3; i += 1) {
    t.same(await client.repository(place).resolve('latest'), image.descriptor);
  }
  await registry.settle();
  const asked = registry.requests.filter(({ path }) => path.includes('/manifests/latest'));
  t.same(
    asked.map(({ method }) => method),
    ['PUT', 'HEAD', 'HEAD', 'HEAD'],
  );
  await client.close();
});

t.test('item 4: a HEAD without digest or length is followed by a GET', async (t) => {
  const headers = manifestHeaders(image);
  for (const missing of ['docker-content-digest', 'content-length', 'content-type']) {
    await using server = await startFaultServer();
    const given = Object.entries(headers).filter(([name]) => name !== missing);
    server.script(
      {
        kind: 'manifest-head',
        act: ({ response }) => {
          response.writeHead(200, Object.fromEntries(given)).end();
        },
      },
      {
        kind: 'manifest-get',
        act: reply(200, { body: raw, headers: { 'content-type': image.manifest.mediaType } }),
      },
    );
    const { client } = testClient();
    const repository = client.repository({ ...path, registry: server.host });
    t.same(await repository.resolve('1'), image.descriptor, missing);
    t.same(server.kinds().slice(-2), ['manifest-head', 'manifest-get']);
    await client.close();
  }
});

t.test(
  'item 5: HEAD that is not allowed is followed by a GET, whose body gives the reason',
  async (t) => {
    await using server = await startFaultServer();
    const { client } = testClient();
    const repository = client.repository({ ...path, registry: server.host });
    server.script(
      { kind: 'manifest-head', act: reply(405) },
      { kind: 'manifest-get', act: reply(200, { body: raw, headers: manifestHeaders(image) }) },
    );
    t.same(await repository.resolve('1'), image.descriptor);
    server.script(
      { kind: 'manifest-head', act: reply(403) },
      { kind: 'manifest-get', act: replyError(403, 'DENIED') },
    );
    const error = await errorOf(repository.resolve('2'));
    t.equal(error.code, 'REGISTRY_DENIED');
    t.match(error.message, /DENIED: test DENIED/);
    t.equal(error.exitCode, 6);
    await client.close();
  },
);

t.test('item 6: all four manifest types are asked for', async (t) => {
  await using registry = await startDockerRegistry();
  await using server = await startFaultServer({ upstream: registry.url });
  const { client } = testClient();
  const place = { registry: server.host, repository: 'team/app' };
  await pushImage(client, place, image);
  t.same(await client.repository(place).resolve('latest'), image.descriptor);
  await client.repository(place).fetchManifest(image.descriptor);
  for (const kind of ['manifest-head', 'manifest-get'] as const) {
    const accept = server.requests.find((request) => request.kind === kind)?.headers.accept ?? '';
    for (const type of [
      mediaTypes.ociManifest,
      mediaTypes.ociIndex,
      mediaTypes.dockerManifest,
      mediaTypes.dockerIndex,
    ]) {
      t.ok(accept.split(', ').includes(type), `${kind} accepts ${type}`);
    }
  }
  await client.close();
});

t.test('item 7: a schema 1 manifest is refused by name', async (t) => {
  await using server = await startFaultServer();
  const { client } = testClient();
  const repository = client.repository({ ...path, registry: server.host });
  const type = 'application/vnd.docker.distribution.manifest.v1+prettyjws';
  server.script({ kind: 'manifest-head', act: reply(200, { headers: { 'content-type': type } }) });
  const byHead = await errorOf(repository.resolve('old'));
  t.equal(byHead.code, 'MEDIA_TYPE_UNSUPPORTED');
  t.match(byHead.message, `${server.host}/team/app:old`);
  server.script(
    { kind: 'manifest-head', act: reply(405) },
    {
      kind: 'manifest-get',
      act: reply(200, {
        body: JSON.stringify({ schemaVersion: 1, fsLayers: [], history: [] }),
        headers: { 'content-type': 'application/json' },
      }),
    },
  );
  const byBody = await errorOf(repository.resolve('old'));
  t.equal(byBody.code, 'MEDIA_TYPE_UNSUPPORTED');
  t.match(byBody.message, /schema 1/);
  await client.close();
});

t.test('item 8: documents that two readers may read differently are refused', async (t) => {
  const { config, layers } = image.manifest;
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const text = JSON.stringify(document);
  const cases: Readonly<Record<string, readonly [string, string]>> = {
    'CVE-2021-41190 manifests beside layers': [
      JSON.stringify({ ...document, manifests: [] }),
      mediaTypes.ociManifest,
    ],
    'CVE-2021-41190 layers in an index': [
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [], layers }),
      mediaTypes.ociIndex,
    ],
    'a Content-Type that contradicts mediaType': [text, mediaTypes.dockerManifest],
    'an index sent as a manifest': [
      JSON.stringify({ schemaVersion: 2, manifests: [] }),
      mediaTypes.ociManifest,
    ],
    'a key twice': [`${text.slice(0, -1)},"layers":[]}`, mediaTypes.ociManifest],
    'a key in two spellings': [`${text.slice(0, -1)},"Layers":[]}`, mediaTypes.ociManifest],
    fsLayers: [JSON.stringify({ ...document, fsLayers: [] }), mediaTypes.ociManifest],
    'text after the end': [`${text} {}`, mediaTypes.ociManifest],
  };
  for (const [name, [body, type]] of Object.entries(cases)) {
    await using server = await startFaultServer();
    server.script(
      { kind: 'manifest-head', act: reply(405) },
      { kind: 'manifest-get', act: reply(200, { body, headers: { 'content-type': type } }) },
    );
    const { client } = testClient();
    const repository = client.repository({ ...path, registry: server.host });
    const error = await errorOf(repository.resolve('1'));
    t.equal(error.code, 'MANIFEST_INVALID', name);
    t.equal(error.exitCode, 3);
    await client.close();
  }
});

t.test('item 9: a manifest above the limit is refused, announced or endless', async (t) => {
  const limit = 4 * 1024 * 1024;
  await using server = await startFaultServer();
  const { client } = testClient();
  const repository = client.repository({ ...path, registry: server.host });
  server.script(
    { kind: 'manifest-head', times: 9, act: reply(405) },
    {
      kind: 'manifest-get',
      act: reply(200, {
        body: Buffer.alloc(limit + 1, 32),
        headers: { 'content-type': mediaTypes.ociManifest },
      }),
    },
  );
  const announced = await errorOf(repository.resolve('1'));
  t.equal(announced.code, 'LIMIT_EXCEEDED');
  t.match(announced.message, String(limit));

  let written = 0;
  server.script({
    kind: 'manifest-get',
    act: async ({ response }) => {
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest });
      const spaces = Buffer.alloc(65_536, 32);
      const endless = new Readable({
        read() {
          written += spaces.length;
          this.push(written < 64 * limit ? spaces : null);
        },
      });
      await pipeline(endless, response).catch(() => {});
    },
  });
  const endless = await errorOf(repository.resolve('1'));
  t.equal(endless.code, 'LIMIT_EXCEEDED');
  t.ok(written < 4 * limit, 'reading stopped near the limit');
  await client.close();
});

t.test('item 10: a manifest that is not what its digest says is refused', async (t) => {
  await using server = await startFaultServer();
  const altered = Buffer.from(raw);
  altered[20] = (altered[20] ?? 0) ^ 1;
  server.script({
    kind: 'manifest-get',
    times: 9,
    act: reply(200, { body: altered, headers: { 'content-type': image.manifest.mediaType } }),
  });
  const { client } = testClient();
  const repository = client.repository({ ...path, registry: server.host });
  const error = await errorOf(repository.fetchManifest(image.descriptor));
  t.equal(error.code, 'DIGEST_MISMATCH');
  t.equal(error.exitCode, 3);
  t.equal(server.kinds().filter((kind) => kind === 'manifest-get').length, 2, 'asked once more');

  const short = await errorOf(
    repository.fetchManifest({ ...image.descriptor, size: image.descriptor.size + 1 }),
  );
  t.equal(short.code, 'SIZE_MISMATCH');
  await client.close();
});

t.test('item 10: a tag whose content contradicts the announced digest is refused', async (t) => {
  await using server = await startFaultServer();
  const other = imageOf([layerOf(10, 'other')]);
  server.script(
    { kind: 'manifest-head', times: 9, act: reply(405) },
    {
      kind: 'manifest-get',
      times: 9,
      act: reply(200, {
        body: raw,
        headers: { ...manifestHeaders(other), 'content-length': raw.length },
      }),
    },
  );
  const { client } = testClient();
  const error = await errorOf(client.repository({ ...path, registry: server.host }).resolve('1'));
  t.equal(error.code, 'DIGEST_MISMATCH');
  await client.close();
});

t.test('item 12: an index inside an index is fetched like any other', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const place = { registry: registry.host, repository: 'team/app' };
  await pushImage(client, place, image);
  const repository = client.repository(place);
  const inner = composeIndex([
    { ...image.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
  ]);
  const innerDigest = await repository.putManifest(inner.raw, inner.mediaType);
  const outer = composeIndex([
    { mediaType: inner.mediaType, digest: innerDigest, size: inner.raw.length },
  ]);
  await repository.putManifest(outer.raw, outer.mediaType, ['nested']);
  const top = await repository.resolve('nested');
  t.equal(top.mediaType, mediaTypes.ociIndex);
  t.same(await repository.fetchManifest(top), outer.raw);
  t.same(await repository.fetchManifest(outer.manifests[0] ?? top), inner.raw);
  await client.close();
});

t.test('a missing tag, a missing repository and an odd selector', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const repository = client.repository({ ...path, registry: registry.host });
  const error = await errorOf(repository.resolve('missing'));
  t.equal(error.code, 'IMAGE_NOT_FOUND');
  t.equal(error.exitCode, 7);
  t.match(error.message, `${registry.host}/team/app:missing`);
  const wrong = await errorOf(repository.resolve('../../x'));
  t.equal(wrong.code, 'REFERENCE_INVALID');
  await client.close();
});

t.test('a manifest that comes too slowly is asked for again', async (t) => {
  await using server = await startFaultServer();
  const headers = manifestHeaders(image);
  server.script(
    { kind: 'manifest-get', act: drip(200, { body: raw, headers, bytes: 1, everyMs: 100 }) },
    { kind: 'manifest-get', act: replyWith(() => ({ status: 200, body: raw, headers })) },
  );
  const { client } = testClient({
    settings: {
      timeouts: {
        ...(quickSettings.timeouts as NonNullable<typeof quickSettings.timeouts>),
        stall: { idleMs: 5000, windowMs: 300, minBytesPerSecond: 1024 },
      },
    },
  });
  const repository = client.repository({ ...path, registry: server.host });
  t.same(await repository.fetchManifest(image.descriptor), raw);
  t.equal(client.totals.retries, 1);
  await client.close();
});
