/** Digests, descriptors, manifests, configs: M01 to M09 of the security catalogue, items 8, 50 and 51. */

import t from 'tap';
import {
  chainIdOf,
  composeIndex,
  composeManifest,
  type Descriptor,
  type Digest,
  descriptorOf,
  digestOf,
  displayText,
  isDigest,
  type Json,
  layerCompression,
  layerMediaType,
  maxManifestSize,
  mediaTypes,
  parseDescriptor,
  parseDigest,
  parseImageConfig,
  parseManifest,
} from '../../src/model/index.ts';

const hex = 'a'.repeat(64);
/** Whatever its code: the exit code of untrusted input. */
const rejected = { exitCode: 3 } as unknown as Error;
const config: Descriptor = {
  mediaType: mediaTypes.ociConfig,
  digest: `sha256:${hex}` as Digest,
  size: 2,
};
const layer: Descriptor = {
  mediaType: mediaTypes.ociLayerGzip,
  digest: `sha256:${'b'.repeat(64)}` as Digest,
  size: 9,
};
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

t.test('M04 CVE-2024-3727 what is no digest never becomes a path', async (t) => {
  const texts = [
    ...[
      '',
      'sha256:',
      `sha256:${'A'.repeat(64)}`,
      `sha256:${'a'.repeat(63)}`,
      `sha256:${'a'.repeat(65)}`,
    ],
    ...['sha256:../../x', `sha512:${hex}`, `md5:${'a'.repeat(32)}`, `sha256+b64:${hex}`, hex],
    ...[
      `sha256:${hex}\n`,
      ` sha256:${hex}`,
      `SHA256:${hex}`,
      `__proto__:${hex}`,
      `constructor:${hex}`,
    ],
    ...[`sha256:${'а'.repeat(64)}`, `blake3:${hex}`, 5, null, undefined, {}, [`sha256:${hex}`]],
  ];
  for (const text of texts) {
    t.equal(isDigest(text), false, JSON.stringify(text));
    t.throws(() => parseDigest(text), { code: 'DIGEST_INVALID', exitCode: 3 });
  }
});

t.test('M05 sha512 is as good', async (t) => {
  const digest = digestOf('x', 'sha512');
  t.equal(parseDigest(digest), digest);
  t.same(parseDescriptor({ mediaType: 'a/b', digest, size: 1 }, 'it').digest, digest);
});

t.test('M03 sizes that are no sizes', async (t) => {
  for (const size of [-1, '5', 1.5, 2 ** 53, Number.NaN, null, undefined, [], true]) {
    const json = { mediaType: 'a/b', digest: `sha256:${hex}`, size } as Json;
    t.throws(() => parseDescriptor(json, 'it'), { code: 'DESCRIPTOR_INVALID' }, String(size));
  }
  const raw = `{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:${hex}","size":9007199254740993},"layers":[]}`;
  t.throws(() => parseManifest(Buffer.from(raw), undefined, 'it'), rejected);
  t.throws(
    () => parseManifest(Buffer.from(raw.replace(/9007\d+/, '1e3')), undefined, 'it'),
    rejected,
  );
});

t.test('M09 embedded data is what its digest says, and not large', async (t) => {
  const good = { ...descriptorOf(Buffer.from('{}'), mediaTypes.ociEmpty), data: 'e30=' };
  t.equal(parseDescriptor(good as unknown as Json, 'it').data, 'e30=');
  for (const data of ['e3s=', '', 5, 'A'.repeat(2_000_000)]) {
    t.throws(() => parseDescriptor({ ...good, data } as unknown as Json, 'it'), rejected);
  }
});

t.test('M09 embedded data is verified by the algorithm of its digest', async (t) => {
  const bytes = Buffer.from('{}');
  const good = {
    mediaType: mediaTypes.ociEmpty,
    digest: digestOf(bytes, 'sha512'),
    size: bytes.length,
    data: bytes.toString('base64'),
  };
  t.equal(parseDescriptor(good, 'it').data, 'e30=');
  t.throws(() => parseDescriptor({ ...good, data: 'e3s=' }, 'it'), { code: 'DIGEST_MISMATCH' });
});

t.test('descriptors keep what they are to keep and refuse what is odd', async (t) => {
  const json = {
    mediaType: 'a/b',
    digest: `sha256:${hex}`,
    size: 1,
    annotations: { a: 'b', __proto__x: 'y' },
    urls: ['https://x'],
    artifactType: 'c/d',
    platform: { os: 'linux', architecture: 'amd64', variant: '' },
  };
  t.same(parseDescriptor({ ...json, unknown: 1 }, 'it'), {
    ...json,
    platform: { os: 'linux', architecture: 'amd64' },
  });
  for (const change of [
    { mediaType: '' },
    { mediaType: 5 },
    { annotations: { a: 5 } },
    { annotations: [] },
    { urls: 'x' },
    { urls: [1] },
    { artifactType: 1 },
    { platform: 'linux' },
    { Digest: `sha256:${hex}` },
  ]) {
    t.throws(
      () => parseDescriptor({ ...json, ...change } as Json, 'it'),
      { code: 'DESCRIPTOR_INVALID' },
      JSON.stringify(change),
    );
  }
});

t.test('M01 CVE-2021-41190 a document is a manifest or an index, never both', async (t) => {
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
  t.equal(parseManifest(bytes(manifest), mediaTypes.ociManifest, 'it').kind, 'manifest');
  t.equal(parseManifest(bytes(index), undefined, 'it').kind, 'index');
  const { mediaType: _, ...bare } = manifest;
  t.equal(
    parseManifest(bytes(bare), mediaTypes.dockerManifest, 'it').mediaType,
    mediaTypes.dockerManifest,
  );
  t.equal(
    parseManifest(bytes(bare), 'application/json; charset=utf-8', 'it').mediaType,
    mediaTypes.ociManifest,
  );
  const cases: readonly (readonly [unknown, string | undefined])[] = [
    [{ ...manifest, manifests: [] }, undefined],
    [{ ...index, layers: [] }, undefined],
    [{ ...index, config }, undefined],
    [{ ...manifest, fsLayers: [] }, undefined],
    [{ ...bare, manifests: [] }, undefined],
    [manifest, mediaTypes.ociIndex],
    [manifest, mediaTypes.dockerManifest],
    [index, mediaTypes.ociManifest],
    [{ ...manifest, mediaType: 5 }, undefined],
    [{ ...manifest, Manifests: [] }, undefined],
    [{ ...bare, MediaType: mediaTypes.ociIndex }, undefined],
    [{ ...manifest, schemaVersion: 3 }, undefined],
    [{ ...manifest, layers: {} }, undefined],
    [{ ...manifest, layers: null }, undefined],
  ];
  for (const [document, type] of cases) {
    t.throws(
      () => parseManifest(bytes(document), type, 'it'),
      { code: 'MANIFEST_INVALID', exitCode: 3 },
      JSON.stringify(document).slice(0, 90),
    );
  }
});

t.test('limits and unknown kinds', async (t) => {
  const many = (count: number) =>
    bytes({ schemaVersion: 2, config, layers: Array(count).fill(layer) });
  t.ok(parseManifest(many(500), mediaTypes.ociManifest, 'it'));
  t.throws(() => parseManifest(many(501), mediaTypes.ociManifest, 'it'), {
    code: 'LIMIT_EXCEEDED',
  });
  t.throws(() => parseManifest(new Uint8Array(maxManifestSize + 1), undefined, 'it'), {
    code: 'LIMIT_EXCEEDED',
  });
  t.throws(() => parseManifest(bytes({ schemaVersion: 2, mediaType: 'x/y' }), undefined, 'it'), {
    code: 'MEDIA_TYPE_UNSUPPORTED',
  });
  t.throws(() => parseManifest(bytes({ schemaVersion: 1, fsLayers: [] }), undefined, 'it'), {
    code: 'MEDIA_TYPE_UNSUPPORTED',
  });
});

t.test('what is composed is parsed to the same', async (t) => {
  const body = {
    config,
    layers: [layer],
    annotations: { a: 'b' },
    subject: config,
    artifactType: 'x/y',
  };
  const manifest = composeManifest(body, 'oci');
  t.same(parseManifest(manifest.raw, manifest.mediaType, 'it'), manifest);
  t.same(composeManifest(body, 'oci').raw, manifest.raw);
  const index = composeIndex([config], { annotations: { x: 'y' } });
  t.same(parseManifest(index.raw, index.mediaType, 'it'), index);
});

t.test('configs: required fields, kept fields, odd fields', async (t) => {
  const document = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [`sha256:${hex}`] },
    config: {
      User: '1001',
      Labels: { a: 'b', A: 'c', __proto__x: 'd' },
      Env: ['A=b'],
      Healthcheck: {},
    },
    history: [{ created_by: 'x' }],
    vendor: { deep: [1] },
  };
  const parsed = parseImageConfig(bytes(document), 'it');
  t.same(JSON.parse(JSON.stringify(parsed.document)), document);
  t.match(parsed.execution, { user: '1001', labels: { a: 'b', A: 'c' }, env: ['A=b'], cmd: [] });
  t.ok(parseImageConfig(bytes({ ...document, config: null, history: null }), 'it'));
  for (const change of [
    { os: undefined },
    { architecture: 5 },
    { rootfs: undefined },
    { rootfs: { type: 'other', diff_ids: [] } },
    { rootfs: { type: 'layers', diff_ids: ['x'] } },
    { config: [] },
    { config: { Env: 'A=b' } },
    { config: { Env: ['A=b\0c'] } },
    { config: { Cmd: [5] } },
    { config: { User: 5 } },
    { config: { user: '0' } },
    { config: { Labels: { a: 5 } } },
    { history: {} },
    { Config: {} },
    { ROOTFS: {} },
  ]) {
    t.throws(
      () => parseImageConfig(bytes({ ...document, ...change }), 'it'),
      rejected,
      JSON.stringify(change),
    );
  }
});

t.test('chainIDs are those of the specification', async (t) => {
  const a = digestOf('a');
  const b = digestOf('b');
  t.equal(chainIdOf([a]), a);
  t.equal(chainIdOf([a, b]), digestOf(`${a} ${b}`));
  t.throws(() => chainIdOf([]), { code: 'IMAGE_CONFIG_INVALID' });
});

t.test('item 50: layer types of both families', async (t) => {
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    for (const family of ['oci', 'docker'] as const) {
      const type = layerMediaType(compression, family);
      t.equal(layerCompression(type), compression);
      t.equal(/docker/.test(type), family === 'docker' && compression !== 'zstd');
    }
  }
  t.equal(layerCompression(mediaTypes.dockerForeignLayerGzip), 'gzip');
  t.equal(layerCompression('application/vnd.oci.image.layer.v1.tar+lzma'), undefined);
  t.equal(layerCompression('text/plain'), undefined);
});

t.test('M16 control and bidirectional characters are shown escaped', async (t) => {
  const hidden = [
    '\u001b[2J',
    '\u009b',
    '\r',
    '\u202e',
    '\u2066',
    '\u061c',
    '\u200f',
    '\u2028',
    '\ufffd',
  ];
  for (const text of hidden) t.match(displayText(`a${text}b`), /^a\\u\{[0-9a-f]+\}/);
  t.equal(displayText('grün 日本 🎉'), 'grün 日本 🎉');
});
