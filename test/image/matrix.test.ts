/**
 * Copies from every transport to every transport: one image, and an index with all its platforms. Digests stay
 * what they are wherever the format of the destination can hold the image; a Docker archive keeps the config.
 */

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readAll } from '../../src/blob/index.ts';
import {
  copyImage,
  type ImageSource,
  type OpenDeps,
  openDestination,
  openSource,
  readImage,
  registryImage,
} from '../../src/image/index.ts';
import { isIndexType, type Platform } from '../../src/model/index.ts';
import { openStore } from '../../src/store/index.ts';
import { testClient } from '../registry/support.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { memoryImage, memoryIndex } from './build-image.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

const exact = ['registry', 'oci', 'oci-archive'] as const;
const transports = [...exact, 'docker-archive'] as const;
type Transport = (typeof transports)[number];

interface Ground {
  readonly deps: OpenDeps;
  readonly registry: DockerRegistry;
  name(transport: Transport, image: string): string;
}

async function setUp(t: Test): Promise<Ground> {
  const directory = t.testdir();
  const store = await openStore(join(directory, 'state'));
  const registry = await startDockerRegistry();
  const { client } = testClient();
  t.teardown(async () => {
    await client.close();
    await registry.close();
    await store[Symbol.asyncDispose]();
  });
  const deps: OpenDeps = {
    store,
    registry: (reference) => registryImage(client, reference),
    absolutePath: (path) => join(directory, path),
  };
  const names = {
    registry: (image: string) => `${registry.host}/${image}:v1`,
    oci: (image: string) => `oci:${image}-layout:v1`,
    'oci-archive': (image: string) => `oci-archive:${image}.tar:v1`,
    'docker-archive': (image: string) => `docker-archive:${image}-docker.tar:app:v1`,
  };
  return { deps, registry, name: (transport, image) => names[transport](image) };
}

async function copyBetween(
  { deps }: Ground,
  from: ImageSource | string,
  to: string,
  platform: Platform | 'all',
): Promise<void> {
  await using opened = typeof from === 'string' ? await openSource(from, deps) : from;
  await using destination = await openDestination(to, deps);
  await copyImage(opened, destination, { platform });
}

/** Digests of everything that an image is, each content read and so verified. */
async function contentsOf({ deps }: Ground, name: string, platform: Platform) {
  await using source = await openSource(name, deps);
  const { descriptor, manifest, config } = await readImage(source, platform);
  for (const layer of manifest.layers) await readAll(await source.open(layer), 1e8);
  const root = (await source.resolve()).digest;
  return {
    root,
    manifest: descriptor.digest,
    config: manifest.config.digest,
    diffIds: config.diffIds,
  };
}

for (const from of transports) {
  t.test(`from ${from} to every transport`, async (t) => {
    const ground = await setUp(t);
    const source = ground.name(from, 'source');
    await copyBetween(ground, memoryImage(), source, 'all');
    const before = await contentsOf(ground, source, amd64);
    for (const to of transports) {
      const target = ground.name(to, `from-${from}`);
      for (const platform of ['all', amd64] as const) {
        await copyBetween(ground, source, target, platform);
        const after = await contentsOf(ground, target, amd64);
        if (to !== 'docker-archive') t.strictSame(after, before, `${from} to ${to}`);
        t.strictSame([after.config, after.diffIds], [before.config, before.diffIds]);
      }
    }
  });
}

for (const from of exact) {
  t.test(`an index from ${from} with all its platforms, and one of them`, async (t) => {
    const ground = await setUp(t);
    const index = memoryIndex([amd64, arm64]);
    const source = ground.name(from, 'source');
    await copyBetween(ground, index, source, 'all');
    const [amd, arm] = [
      await contentsOf(ground, source, amd64),
      await contentsOf(ground, source, arm64),
    ];
    for (const to of exact) {
      const all = ground.name(to, `all-from-${from}`);
      await copyBetween(ground, source, all, 'all');
      t.strictSame(await contentsOf(ground, all, amd64), amd, `all of ${from} to ${to}`);
      t.strictSame(await contentsOf(ground, all, arm64), arm);
      t.equal(arm.root, index.root?.digest);
      const one = ground.name(to, `one-from-${from}`);
      await copyBetween(ground, source, one, arm64);
      const { root, config } = await contentsOf(ground, one, arm64);
      t.strictSame([root, config], [arm.manifest, arm.config], `one of ${from} to ${to}`);
    }
    const archive = ground.name('docker-archive', `from-${from}`);
    await t.rejects(
      copyBetween(ground, source, archive, 'all'),
      { code: /^[A-Z_]+$/, message: /docker/i },
      'a Docker archive holds one platform, and says so',
    );
    await copyBetween(ground, source, archive, arm64);
    t.equal((await contentsOf(ground, archive, arm64)).config, arm.config);
  });
}

t.test('an index in a registry stays an index of the same bytes', async (t) => {
  const ground = await setUp(t);
  const index = memoryIndex([amd64, arm64]);
  const name = ground.name('registry', 'multi');
  await copyBetween(ground, index, name, 'all');
  await using source = await openSource(name, ground.deps);
  const root = await source.resolve();
  t.ok(isIndexType(root.mediaType));
  const bytes = await source.readManifest(root);
  t.ok(Buffer.from(bytes).equals(await index.readManifest(root)));
});
