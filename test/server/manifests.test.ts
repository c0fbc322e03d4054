import t from 'tap';
import { composeIndex, descriptorOf, digestOf, mediaTypes } from '../../src/model/index.ts';
import {
  errorCode,
  manifestBytes,
  pushBlob,
  pushManifest,
  send,
  startTestRegistry,
} from './client.ts';

t.test(
  'a manifest is pushed by tag, by digest of either algorithm, and under several tags',
  async (t) => {
    const { host } = await startTestRegistry(t);
    const config = await pushBlob(host, 'a', '{}');
    const bytes = manifestBytes({ config });
    const digest = digestOf(bytes);
    const location = `/v2/a/manifests/${digest}`;
    const tagged = await pushManifest(host, 'a', '1', bytes);
    t.same([tagged.status, tagged.headers.location], [201, location]);
    t.equal(tagged.headers['docker-content-digest'], digest);
    const sha512 = digestOf(bytes, 'sha512');
    const long = await pushManifest(host, 'a', sha512, bytes);
    t.same([long.status, long.headers['docker-content-digest']], [201, sha512]);
    const several = await pushManifest(host, 'a', `${digest}?tag=x&tag=y`, bytes);
    t.same([several.status, several.headers['oci-tag']], [201, 'x, y']);
    for (const reference of ['1', 'x', 'y', digest, sha512]) {
      t.same((await send(host, 'GET', `/v2/a/manifests/${reference}`)).body, bytes, reference);
    }
  },
);

t.test(
  'a manifest may lack its mediaType and come with parameters on its Content-Type',
  async (t) => {
    const { host } = await startTestRegistry(t);
    const config = await pushBlob(host, 'a', '{}');
    const bytes = manifestBytes({ config, mediaType: undefined });
    const type = `${mediaTypes.ociManifest}; charset=utf-8`;
    t.equal((await pushManifest(host, 'a', '1', bytes, { 'Content-Type': type })).status, 201);
    const { headers } = await send(host, 'GET', '/v2/a/manifests/1');
    t.equal(headers['content-type'], mediaTypes.ociManifest);
  },
);

t.test('a manifest whose parts are missing or of another size is refused', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const layer = descriptorOf(Buffer.from('not pushed'), mediaTypes.ociLayer);
  const elsewhere = await pushBlob(host, 'b', 'in another repository');
  for (const missing of [layer, elsewhere]) {
    const reply = await pushManifest(host, 'a', '1', manifestBytes({ config, layers: [missing] }));
    t.same([reply.status, errorCode(reply)], [404, 'MANIFEST_BLOB_UNKNOWN']);
  }
  const wrong = { ...config, size: 3 };
  const reply = await pushManifest(host, 'a', '1', manifestBytes({ config: wrong }));
  t.same([reply.status, errorCode(reply)], [400, 'SIZE_INVALID']);
  t.equal((await send(host, 'GET', '/v2/a/manifests/1')).status, 404);
});

t.test('a foreign layer may lie elsewhere', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const foreign = descriptorOf(Buffer.from('windows'), mediaTypes.dockerForeignLayerGzip);
  const layers = [{ ...foreign, urls: ['https://layers.example/x'] }];
  t.equal((await pushManifest(host, 'a', '1', manifestBytes({ config, layers }))).status, 201);
  const withoutPlace = manifestBytes({ config, layers: [foreign] });
  t.equal((await pushManifest(host, 'a', '2', withoutPlace)).status, 404);
});

t.test('an index needs its manifests', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const child = manifestBytes({ config });
  const index = composeIndex([descriptorOf(child, mediaTypes.ociManifest)]);
  const type = { 'Content-Type': mediaTypes.ociIndex };
  const early = await pushManifest(host, 'a', '1', index.raw, type);
  t.same([early.status, errorCode(early)], [404, 'MANIFEST_BLOB_UNKNOWN']);
  await pushManifest(host, 'a', digestOf(child), child);
  t.equal((await pushManifest(host, 'a', '1', index.raw, type)).status, 201);
});

t.test('documents of every shape that the spec allows are taken', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const data = Buffer.from('{}').toString('base64');
  const image = manifestBytes({ config: { ...config, data }, unknown: { field: null } });
  const child = descriptorOf(image, mediaTypes.ociManifest);
  const index = composeIndex([{ ...child, platform: { os: 'linux', architecture: 'arm64' } }]);
  const nested = composeIndex([descriptorOf(index.raw, mediaTypes.ociIndex), child]);
  const documents = {
    'without layers, with embedded data and unknown fields': [image, mediaTypes.ociManifest],
    'an index': [index.raw, mediaTypes.ociIndex],
    'an index of indexes': [nested.raw, mediaTypes.ociIndex],
    'an empty index': [composeIndex([]).raw, mediaTypes.ociIndex],
    'an artifact': [manifestBytes({ config, artifactType: 'a/b' }), mediaTypes.ociManifest],
    'of Docker': [
      manifestBytes({ config, mediaType: mediaTypes.dockerManifest }),
      mediaTypes.dockerManifest,
    ],
  } as const;
  for (const [name, [bytes, type]] of Object.entries(documents)) {
    const reply = await pushManifest(host, 'a', digestOf(bytes), bytes, { 'Content-Type': type });
    t.equal(reply.status, 201, name);
    const { headers, body } = await send(host, 'GET', reply.headers.location ?? '');
    t.same([headers['content-type'], body], [type, Buffer.from(bytes)]);
  }
});

t.test('what two readers would read differently is refused (CVE-2021-41190)', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const documents: Readonly<Record<string, string | Buffer>> = {
    'no JSON': 'blablabla',
    'no object': '[]',
    'invalid UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
    'manifest and index': manifestBytes({ config, manifests: [] }),
    'another type inside': manifestBytes({ config, mediaType: mediaTypes.ociIndex }),
    'schema 1': JSON.stringify({ schemaVersion: 1, fsLayers: [] }),
    'a key twice': '{"schemaVersion":2,"config":{},"config":{},"layers":[]}',
    'no layers': JSON.stringify({ schemaVersion: 2, config }),
    'a digest that cannot be verified': manifestBytes({
      config: { ...config, digest: 'md5:d41d8cd98f00b204e9800998ecf8427e' as never },
    }),
  };
  for (const [name, body] of Object.entries(documents)) {
    const reply = await pushManifest(host, 'a', '1', Buffer.from(body));
    t.same([reply.status, errorCode(reply)], [400, 'MANIFEST_INVALID'], name);
  }
  const type = { 'Content-Type': 'text/plain' };
  const plain = await pushManifest(host, 'a', '1', manifestBytes({ config }), type);
  t.same([plain.status, errorCode(plain)], [400, 'MANIFEST_INVALID']);
});

t.test('a manifest of 4 MiB is taken, a larger one is not', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const limit = 4 * 1024 * 1024;
  const empty = manifestBytes({ config, annotations: { filler: '' } }).length;
  const filled = (size: number) =>
    manifestBytes({ config, annotations: { filler: 'x'.repeat(size - empty) } });
  t.equal((await pushManifest(host, 'a', '1', filled(limit))).status, 201);
  const announced = await pushManifest(host, 'a', '2', filled(limit + 1));
  t.same([announced.status, errorCode(announced)], [413, 'SIZE_INVALID']);
  const chunked = { 'Transfer-Encoding': 'chunked' };
  t.equal((await pushManifest(host, 'a', '2', filled(limit + 1), chunked)).status, 413);
});

t.test('a manifest that is not what the digest names is refused', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const bytes = manifestBytes({ config });
  for (const reference of [digestOf('x'), digestOf('x', 'sha512'), 'sha256:x', '.tag', '-x']) {
    const reply = await pushManifest(host, 'a', reference, bytes);
    t.equal(reply.status, 400, reference);
  }
  t.equal((await pushManifest(host, 'a', `x?tag=${'y&tag='.repeat(101)}z`, bytes)).status, 414);
  t.equal((await pushManifest(host, 'a', 'x?tag=..', bytes)).status, 400);
});

t.test('a tag is moved only from where the client saw it', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const [one, two] = [manifestBytes({ config, n: 1 }), manifestBytes({ config, n: 2 })];
  const put = (bytes: Buffer, headers: Record<string, string>) =>
    pushManifest(host, 'a', 'tag', bytes, headers);
  t.equal((await put(one, { 'If-None-Match': '*' })).status, 201);
  t.equal((await put(two, { 'If-None-Match': '*' })).status, 412);
  t.equal((await put(two, { 'If-Match': `"${digestOf(two)}"` })).status, 412);
  t.same((await send(host, 'GET', '/v2/a/manifests/tag')).body, one);
  t.equal((await put(two, { 'If-Match': `"${digestOf(one)}"` })).status, 201);
  t.same((await send(host, 'GET', '/v2/a/manifests/tag')).body, two);
});

t.test('of many writers who all saw the same tag one wins', async (t) => {
  const { host } = await startTestRegistry(t);
  const config = await pushBlob(host, 'a', '{}');
  const writers = Array.from({ length: 20 }, (_, n) =>
    pushManifest(host, 'a', 'tag', manifestBytes({ config, n }), { 'If-None-Match': '*' }),
  );
  const statuses = (await Promise.all(writers)).map(({ status }) => status);
  t.equal(statuses.filter((status) => status === 201).length, 1);
  t.equal(statuses.filter((status) => status === 412).length, 19);
});

t.test(
  'deleting a tag leaves the manifest; deleting the manifest takes its tags along',
  async (t) => {
    const { host } = await startTestRegistry(t);
    const config = await pushBlob(host, 'a', '{}');
    const bytes = manifestBytes({ config });
    const other = manifestBytes({ config, other: true });
    for (const tag of ['1', '2', '3']) await pushManifest(host, 'a', tag, bytes);
    await pushManifest(host, 'a', 'other', other);
    t.equal((await send(host, 'DELETE', '/v2/a/manifests/1')).status, 202);
    t.equal((await send(host, 'DELETE', '/v2/a/manifests/1')).status, 404);
    t.equal((await send(host, 'GET', `/v2/a/manifests/${digestOf(bytes)}`)).status, 200);
    t.equal((await send(host, 'DELETE', `/v2/a/manifests/${digestOf(bytes)}`)).status, 202);
    t.equal((await send(host, 'DELETE', `/v2/a/manifests/${digestOf(bytes)}`)).status, 404);
    t.equal((await send(host, 'GET', '/v2/a/manifests/2')).status, 404);
    const { body } = await send(host, 'GET', '/v2/a/tags/list');
    t.same(JSON.parse(body.toString()), { name: 'a', tags: ['other'] });
    t.equal((await send(host, 'DELETE', '/v2/a/manifests/..')).status, 404);
  },
);
