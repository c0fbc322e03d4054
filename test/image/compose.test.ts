/** Composing a child image: what is new, what survives. */

import t from 'tap';
import { composeImage } from '../../src/image/index.ts';
import {
  composeManifest,
  type Digest,
  digestOf,
  mediaTypes,
  parseImageConfig,
} from '../../src/model/index.ts';

const digest = (text: string): Digest => digestOf(text);

function parent(family: 'oci' | 'docker', document: Record<string, unknown> = {}) {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { User: '1001', Env: ['A=1'], Healthcheck: { Test: ['CMD', 'true'] }, OnBuild: null },
    rootfs: { type: 'layers', diff_ids: [digest('one'), digest('two')] },
    history: [
      { created_by: 'one' },
      { created_by: 'nothing', empty_layer: true },
      { created_by: 'two' },
    ],
    'vendor.field': { kept: true },
    ...document,
  };
  const docker = family === 'docker';
  const layer = docker ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerGzip;
  const manifest = composeManifest(
    {
      config: {
        mediaType: docker ? mediaTypes.dockerConfig : mediaTypes.ociConfig,
        digest: digest('c'),
        size: 1,
      },
      layers: ['a', 'b'].map((name) => ({ mediaType: layer, digest: digest(name), size: 1 })),
    },
    family,
  );
  return { manifest, config: parseImageConfig(Buffer.from(JSON.stringify(config)), 'test') };
}

const change = {
  layer: {
    digest: digest('new'),
    size: 9,
    diffId: digest('new diff'),
    compression: 'gzip' as const,
  },
  history: { created_by: 's2oci' },
  execution: { Cmd: ['/run'] },
  created: '1980-01-01T00:00:00Z',
};

t.test('one layer, one diffID and one line of history are added', async (t) => {
  const { manifest, configBytes } = composeImage(parent('oci'), change);
  const config = JSON.parse(Buffer.from(configBytes).toString());
  t.equal(manifest.layers.length, 3);
  t.equal(config.rootfs.diff_ids.at(-1), digest('new diff'));
  t.same(config.history.at(-1), { created: change.created, created_by: 's2oci' });
  t.equal(digestOf(configBytes), manifest.config.digest);
});

t.test('unknown fields of the parent survive', async (t) => {
  const config = JSON.parse(
    Buffer.from(composeImage(parent('oci'), change).configBytes).toString(),
  );
  t.same(config['vendor.field'], { kept: true });
  t.same(config.config.Healthcheck, { Test: ['CMD', 'true'] });
  t.equal(config.config.User, '1001');
});

t.test('without a layer the history entry is an empty one', async (t) => {
  const { layer: _, ...metadataOnly } = change;
  const { manifest, configBytes } = composeImage(parent('oci'), metadataOnly);
  t.equal(manifest.layers.length, 2);
  t.equal(JSON.parse(Buffer.from(configBytes).toString()).history.at(-1).empty_layer, true);
});

t.test('the family of media types stays that of the parent', async (t) => {
  for (const family of ['oci', 'docker'] as const) {
    const { manifest } = composeImage(parent(family), { ...change, annotations: { a: 'b' } });
    const marker = family === 'docker' ? 'vnd.docker' : 'vnd.oci';
    const types = [
      manifest.mediaType,
      manifest.config.mediaType,
      ...manifest.layers.map((layer) => layer.mediaType),
    ];
    t.ok(
      types.every((type) => type.includes(marker)),
      types.join(),
    );
    t.equal(
      manifest.annotations === undefined,
      family === 'docker',
      'docker manifests have no annotations',
    );
  }
});

t.test('zstd makes a docker image an OCI image, its bytes unchanged', async (t) => {
  const { manifest } = composeImage(parent('docker'), {
    ...change,
    layer: { ...change.layer, compression: 'zstd' },
  });
  t.same(
    manifest.layers.map((layer) => layer.mediaType),
    [mediaTypes.ociLayerGzip, mediaTypes.ociLayerGzip, mediaTypes.ociLayerZstd],
  );
  t.equal(manifest.layers[0]?.digest, digest('a'));
});

t.test('missing history is filled up so that tools can count', async (t) => {
  const { configBytes } = composeImage(parent('oci', { history: [] }), change);
  t.equal(JSON.parse(Buffer.from(configBytes).toString()).history.length, 3);
});

t.test('layers that do not agree with the config are refused', async (t) => {
  const broken = parent('oci', { rootfs: { type: 'layers', diff_ids: [digest('one')] } });
  t.throws(() => composeImage(broken, change), { code: 'IMAGE_CONFIG_INVALID' });
});

t.test('composing is deterministic', async (t) => {
  const once = composeImage(parent('oci'), change);
  t.same(once.manifest.raw, composeImage(parent('oci'), change).manifest.raw);
});
