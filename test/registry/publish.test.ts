/**
 * Pushing whole images: items 42 to 51 of the registry checklist.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { composeImage, copyImage, registryImage } from '../../src/image/index.ts';
import {
  composeIndex,
  composeManifest,
  type Descriptor,
  type Digest,
  descriptorOf,
  digestOf,
  mediaTypes,
  parseImageConfig,
  parseManifest,
  parseReference,
} from '../../src/model/index.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { reply, replyError, replyWith } from '../support/fault-actions.ts';
import { startFaultServer } from '../support/fault-server.ts';
import { blobOf, errorOf, imageOf, layerOf, pushImage, testClient } from './support.ts';

const run = promisify(execFile);
const layers = [layerOf(50_000, 'one'), layerOf(60_000, 'two'), layerOf(70_000, 'three')];
const image = imageOf(layers);

t.test('item 42: layers of an image on the same registry are mounted, not moved', async (t) => {
  await using registry = await startDockerRegistry();
  const first = testClient();
  await pushImage(first.client, { registry: registry.host, repository: 'base/node' }, image, '24');
  await first.client.close();
  const { client } = testClient();
  const source = registryImage(client, parseReference(`${registry.host}/base/node:24`));
  const destination = registryImage(client, parseReference(`${registry.host}/apps/hello:1`));
  await copyImage(source, destination, { platform: 'all' });
  t.equal(client.totals.pulled, 0);
  t.equal(client.totals.pushed, 0);
  t.equal(
    client.totals.mounted,
    image.blobs.reduce((sum, { bytes }) => sum + bytes.length, 0),
  );
  await client.close();
});

t.test('item 43: blobs before manifests, an index after its children, the tag last', async (t) => {
  await using registry = await startDockerRegistry();
  await using server = await startFaultServer({ upstream: registry.url });
  const from = testClient();
  const place = { registry: registry.host, repository: 'multi' };
  const other = imageOf([layerOf(1000, 'arm')], 'arm64');
  await pushImage(from.client, place, image, 'amd64');
  await pushImage(from.client, place, other, 'arm64');
  const index = composeIndex([
    { ...image.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
    { ...other.descriptor, platform: { os: 'linux', architecture: 'arm64' } },
  ]);
  await from.client.repository(place).putManifest(index.raw, index.mediaType, ['all']);
  const { client } = testClient();
  await copyImage(
    registryImage(client, parseReference(`${registry.host}/multi:all`)),
    registryImage(client, parseReference(`${server.host}/copied:v1`)),
    { platform: 'all' },
  );
  const writes = server.requests
    .filter(({ method }) => method === 'PUT')
    .map(({ path }) => (path.includes('/blobs/') ? 'blob' : path.split('/').at(-1)));
  t.same(writes.slice(-1), ['v1']);
  const manifests = writes.filter((write) => write !== 'blob');
  t.same(manifests, [image.descriptor.digest, other.descriptor.digest, 'v1']);
  t.ok(writes.indexOf(image.descriptor.digest) > writes.indexOf('blob'));
  await Promise.all([client.close(), from.client.close()]);
});

t.test('item 44: a blob that the registry lost is uploaded again, once', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const repository = client.repository({ registry: registry.host, repository: 'app' });
  for (const { descriptor, open } of image.blobs) await repository.putBlob(descriptor, open);
  await repository.deleteBlob(image.blobs[1]?.descriptor.digest as Digest);
  const { raw, mediaType } = image.manifest;
  t.equal(await repository.putManifest(raw, mediaType, ['1']), image.descriptor.digest);
  t.equal(await repository.hasBlob(image.blobs[1]?.descriptor as Descriptor), true);

  const unknown = imageOf([layerOf(10, 'never uploaded')], 'x');
  const error = await errorOf(repository.putManifest(unknown.manifest.raw, mediaType, ['2']));
  t.equal(error.code, 'REGISTRY_REFUSED');
  t.match(error.message, /MANIFEST_BLOB_UNKNOWN/);
  t.same(await repository.tags(), ['1'], 'no tag moved');
  await client.close();
});

t.test('item 45: a registry that stored something else is not believed', async (t) => {
  const wrong = { headers: { 'docker-content-digest': digestOf('something else') } };
  await using server = await startFaultServer({
    rules: [
      { kind: 'blob-head', times: 9, act: reply(404) },
      { kind: 'upload-start', times: 9, act: reply(202, { headers: { location: '/v2/app/u' } }) },
      { method: 'PUT', times: 9, act: reply(201, wrong) },
    ],
  });
  const { client } = testClient();
  const repository = client.repository({ registry: server.host, repository: 'app' });
  const { raw, mediaType } = image.manifest;
  const manifest = await errorOf(repository.putManifest(raw, mediaType, ['1']));
  t.equal(manifest.code, 'DIGEST_MISMATCH');
  const [layer] = layers;
  const blob = await errorOf(
    repository.putBlob(layer?.descriptor as Descriptor, layers[0]?.open as never),
  );
  t.equal(blob.code, 'DIGEST_MISMATCH');
  await client.close();
});

t.test('item 46: a manifest comes back byte for byte', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const repository = client.repository({ registry: registry.host, repository: 'app' });
  await pushImage(client, { registry: registry.host, repository: 'app' }, image);
  const spaced = Buffer.from(
    `${JSON.stringify(JSON.parse(image.manifest.raw.toString()), undefined, 7)}\n\n`,
  );
  const digest = await repository.putManifest(spaced, image.manifest.mediaType, ['spaced']);
  const found = await repository.resolve('spaced');
  t.equal(found.digest, digest);
  t.same(await repository.fetchManifest(found), spaced);
  await client.close();
});

t.test(
  'item 47: several tags go with one request where the registry can, else one by one',
  async (t) => {
    const { raw, mediaType } = image.manifest;
    await using able = await startFaultServer({
      rules: [
        {
          kind: 'manifest-put',
          act: replyWith(({ path }) => ({
            status: 201,
            headers: {
              'oci-tag': [...new URL(path, 'http://x').searchParams.getAll('tag')].join(', '),
            },
          })),
        },
      ],
    });
    const { client } = testClient();
    const modern = client.repository({ registry: able.host, repository: 'app' });
    await modern.putManifest(raw, mediaType, ['a', 'b', 'c']);
    t.same(able.kinds().filter((kind) => kind === 'manifest-put').length, 1);
    t.equal(
      able.requests.at(-1)?.path,
      `/v2/app/manifests/${image.descriptor.digest}?tag=a&tag=b&tag=c`,
    );

    await using registry = await startDockerRegistry();
    const place = { registry: registry.host, repository: 'app' };
    await pushImage(client, place, image, 'first');
    await client.repository(place).putManifest(raw, mediaType, ['a', 'b']);
    await client.repository(place).putManifest(raw, mediaType, ['c', 'd']);
    t.same(await client.repository(place).tags(), ['a', 'b', 'c', 'd', 'first']);
    await registry.settle();
    const puts = registry.requests.filter(
      ({ method, path }) => method === 'PUT' && path.includes('/manifests/'),
    );
    t.equal(puts.length, 1 + 3 + 2, 'what the registry cannot do is tried once');

    await using strict = await startFaultServer({
      rules: [
        { kind: 'manifest-put', path: /tag=/, act: replyError(400, 'UNSUPPORTED') },
        { kind: 'manifest-put', times: 2, act: reply(201) },
      ],
    });
    await client
      .repository({ registry: strict.host, repository: 'app' })
      .putManifest(raw, mediaType, ['a', 'b']);
    t.equal(strict.unexpected.filter(({ kind }) => kind === 'manifest-put').length, 0);
    await client.close();
  },
);

/** An artifact about the image. */
function artifactOf(note: string): { raw: Uint8Array; mediaType: string; digest: Digest } {
  const empty = blobOf(Buffer.from('{}'), mediaTypes.ociEmpty);
  const manifest = composeManifest(
    {
      artifactType: `application/vnd.test.${note}`,
      config: empty.descriptor,
      layers: [empty.descriptor],
      subject: image.descriptor,
      annotations: { note, other: 'kept' },
    },
    'oci',
  );
  return { raw: manifest.raw, mediaType: manifest.mediaType, digest: digestOf(manifest.raw) };
}

const empty = blobOf(Buffer.from('{}'), mediaTypes.ociEmpty);
const fallbackTag = image.descriptor.digest.replace(':', '-');

t.test('item 48: a registry that notes subjects needs no tag', async (t) => {
  await using server = await startFaultServer({
    rules: [
      {
        kind: 'manifest-put',
        act: reply(201, { headers: { 'oci-subject': image.descriptor.digest } }),
      },
    ],
  });
  const { client } = testClient();
  const { raw, mediaType } = artifactOf('one');
  await client.repository({ registry: server.host, repository: 'app' }).putManifest(raw, mediaType);
  t.same(
    server.kinds().filter((kind) => kind.startsWith('manifest')),
    ['manifest-put'],
  );
  await client.close();
});

t.test(
  'item 48: elsewhere the referrers tag is kept, with type and annotations, without duplicates',
  async (t) => {
    await using registry = await startDockerRegistry();
    const { client } = testClient();
    const place = { registry: registry.host, repository: 'app' };
    await pushImage(client, place, image);
    const repository = client.repository(place);
    await repository.putBlob(empty.descriptor, empty.open);
    for (const note of ['one', 'two', 'one']) {
      const { raw, mediaType } = artifactOf(note);
      await repository.putManifest(raw, mediaType);
    }
    const found = await repository.referrers(image.descriptor.digest);
    t.same(
      found.map(({ artifactType, annotations, digest }) => ({ artifactType, annotations, digest })),
      ['one', 'two'].map((note) => ({
        artifactType: `application/vnd.test.${note}`,
        annotations: { note, other: 'kept' },
        digest: artifactOf(note).digest,
      })),
    );
    t.ok((await repository.tags()).includes(fallbackTag));
    const filtered = await repository.referrers(image.descriptor.digest, {
      artifactType: 'application/vnd.test.two',
    });
    t.equal(filtered.length, 1);

    await repository.deleteManifest(artifactOf('one').digest);
    const left = await repository.referrers(image.descriptor.digest);
    t.same(
      left.map(({ digest }) => digest),
      [artifactOf('two').digest],
    );
    await repository.deleteManifest(artifactOf('two').digest);
    t.same(await repository.referrers(image.descriptor.digest), []);
    await client.close();
  },
);

t.test('item 48: writers of the referrers tag keep what others wrote', async (t) => {
  await using registry = await startDockerRegistry();
  const place = { registry: registry.host, repository: 'app' };
  const clients = Array.from({ length: 4 }, () => testClient().client);
  await pushImage(clients[0] as never, place, image);
  await clients[0]?.repository(place).putBlob(empty.descriptor, empty.open);
  const notes = clients.map((_, i) => `writer-${i}`);
  // At once, through a registry that takes a conditional PUT for a plain one.
  const put = (client: (typeof clients)[number], note: string) => {
    const { raw, mediaType } = artifactOf(note);
    return client.repository(place).putManifest(raw, mediaType);
  };
  await Promise.all(clients.map((client, i) => put(client, notes[i] ?? '')));
  const found = await clients[1]?.repository(place).referrers(image.descriptor.digest);
  t.same(new Set(found?.map(({ annotations }) => annotations?.['note'])), new Set(notes));
  await Promise.all(clients.map((client) => client.close()));
});

t.test('item 48: a list that changes under the writer is merged and written again', async (t) => {
  const other = {
    ...descriptorOf(Buffer.from('{"a":1}'), mediaTypes.ociManifest),
    artifactType: 'x/other',
  };
  let stored: Buffer | undefined;
  let conflicts = 1;
  await using server = await startFaultServer({
    rules: [
      {
        kind: 'manifest-get',
        times: 99,
        act: replyWith(() =>
          stored === undefined
            ? { status: 404 }
            : {
                status: 200,
                body: stored,
                headers: { 'content-type': mediaTypes.ociIndex, etag: `"${digestOf(stored)}"` },
              },
        ),
      },
      {
        kind: 'manifest-put',
        path: new RegExp(fallbackTag),
        times: 99,
        act: replyWith((seen) => {
          if (conflicts > 0) {
            conflicts -= 1;
            stored = Buffer.from(composeIndex([other]).raw);
            return { status: 412 };
          }
          stored = seen.body();
          return { status: 201 };
        }),
      },
      { kind: 'manifest-put', act: reply(201) },
    ],
  });
  const { client } = testClient();
  const { raw, mediaType, digest } = artifactOf('mine');
  await client.repository({ registry: server.host, repository: 'app' }).putManifest(raw, mediaType);
  const index = parseManifest(stored ?? Buffer.from(''), mediaTypes.ociIndex, 'the list');
  t.same(index.kind === 'index' ? index.manifests.map((m) => m.digest) : [], [
    other.digest,
    digest,
  ]);
  const conditional = server.requests.filter(({ headers }) => headers['if-match'] !== undefined);
  t.equal(conditional.length, 1);
  await client.close();
});

t.test('item 48: a referrers tag that is an image is reported', async (t) => {
  await using registry = await startDockerRegistry();
  const { client } = testClient();
  const place = { registry: registry.host, repository: 'app' };
  await pushImage(client, place, image, fallbackTag);
  const repository = client.repository(place);
  await repository.putBlob(empty.descriptor, empty.open);
  const { raw, mediaType, digest } = artifactOf('one');
  const error = await errorOf(repository.putManifest(raw, mediaType));
  t.equal(error.code, 'REGISTRY_PROTOCOL');
  t.equal((await repository.resolve(digest)).digest, digest, 'the artifact itself was pushed');
  await client.close();
});

t.test('item 48: referrers by the API, in pages, filtered there or here', async (t) => {
  const entries = Array.from({ length: 5 }, (_, i) => ({
    ...descriptorOf(Buffer.from(`{"n":${i}}`), mediaTypes.ociManifest),
    artifactType: i % 2 === 0 ? 'x/even' : 'x/odd',
  }));
  const headers = { 'content-type': mediaTypes.ociIndex };
  const next = '</v2/app/referrers/next?page=2>; rel="next"';
  await using server = await startFaultServer({
    rules: [
      {
        kind: 'referrers',
        path: /artifactType=x%2Feven$/,
        act: reply(200, {
          body: composeIndex(entries.slice(0, 3)).raw,
          headers: { ...headers, link: next },
        }),
      },
      {
        kind: 'referrers',
        path: /page=2/,
        act: reply(200, {
          body: composeIndex(entries.slice(4)).raw,
          headers: { ...headers, 'oci-filters-applied': 'artifactType' },
        }),
      },
    ],
  });
  const { client } = testClient();
  const repository = client.repository({ registry: server.host, repository: 'app' });
  const found = await repository.referrers(image.descriptor.digest, { artifactType: 'x/even' });
  t.same(
    found.map(({ digest }) => digest),
    [entries[0], entries[2], entries[4]].map((entry) => entry?.digest),
  );
  await client.close();
});

t.test('item 49: the length of a manifest is always announced', async (t) => {
  await using server = await startFaultServer({
    rules: [
      {
        kind: 'manifest-put',
        times: 9,
        act: replyWith(({ headers }) => ({
          status: headers['content-length'] === undefined ? 411 : 201,
        })),
      },
    ],
  });
  const { client } = testClient();
  const repository = client.repository({ registry: server.host, repository: 'app' });
  await repository.putManifest(image.manifest.raw, image.manifest.mediaType, ['1']);
  t.equal(server.requests.at(-1)?.headers['content-length'], String(image.manifest.raw.length));
  t.equal(server.requests.at(-1)?.headers['content-type'], mediaTypes.ociManifest);
  await client.close();
});

t.test(
  'items 50 and 51: what is made from a Docker image is all Docker, or all OCI with zstd',
  async (t) => {
    await using registry = await startDockerRegistry();
    const { client } = testClient();
    const place = { registry: registry.host, repository: 'app' };
    const repository = client.repository(place);
    const layer = blobOf(layerOf(5000).bytes, mediaTypes.dockerLayerGzip);
    const document = {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [digestOf('base')] },
      history: [{ created_by: 'base' }, { created_by: 'ENV', empty_layer: true }],
      config: { Healthcheck: { Test: ['NONE'] }, Shell: ['/bin/bash', '-c'], Env: ['A=b'] },
      'vendor.example/field': { kept: true },
    };
    const config = blobOf(Buffer.from(JSON.stringify(document)), mediaTypes.dockerConfig);
    const parent = {
      manifest: composeManifest(
        { config: config.descriptor, layers: [layer.descriptor] },
        'docker',
      ),
      config: parseImageConfig(config.bytes, 'the config'),
    };
    await repository.putBlob(layer.descriptor, layer.open);
    for (const compression of ['gzip', 'zstd'] as const) {
      const own = layerOf(2000, compression);
      const { digest, size } = own.descriptor;
      const composed = composeImage(parent, {
        layer: { digest, size, diffId: digestOf(compression), compression },
        history: { created_by: 'assemble' },
        execution: { Cmd: ['run'] },
        created: '2026-01-01T00:00:00Z',
      });
      const newConfig = blobOf(
        Buffer.from(composed.configBytes),
        composed.manifest.config.mediaType,
      );
      await repository.putBlob(own.descriptor, own.open);
      await repository.putBlob(newConfig.descriptor, newConfig.open);
      await repository.putManifest(composed.manifest.raw, composed.manifest.mediaType, [
        compression,
      ]);
      const types = [
        composed.manifest.mediaType,
        ...composed.manifest.layers.map((l) => l.mediaType),
      ];
      const family = compression === 'gzip' ? /docker/ : /oci/;
      t.ok(
        types.every((type) => family.test(type)),
        `${compression}: ${types.join(' ')}`,
      );

      const child = parseImageConfig(composed.configBytes, 'the new config');
      t.equal(child.diffIds.length, composed.manifest.layers.length);
      t.equal(
        child.history.filter((entry) => entry.empty_layer !== true).length,
        child.diffIds.length,
      );
      t.match(child.document, { 'vendor.example/field': { kept: true }, config: { Shell: Array } });
      const { stdout } = await run('skopeo', [
        ...['inspect', '--tls-verify=false', '--config'],
        `docker://${registry.host}/app:${compression}`,
      ]);
      t.match(JSON.parse(stdout), { config: { Cmd: ['run'], Env: ['A=b'] } });
    }
    await client.close();
  },
);
