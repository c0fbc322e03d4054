/** Every local transport in both directions, byte for byte, and never half visible. */

import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { readAll } from '../../src/blob/index.ts';
import {
  copyImage,
  type ImageSource,
  type OpenDeps,
  openDestination,
  openSource,
  readImage,
} from '../../src/image/index.ts';
import { mediaTypes, parseManifest } from '../../src/model/index.ts';
import { openStore } from '../../src/store/index.ts';
import { memoryImage, memoryIndex } from './build-image.ts';

const linux = { os: 'linux', architecture: 'amd64' };

async function setUp(t: Test): Promise<{ dir: string; deps: OpenDeps }> {
  const dir = t.testdir();
  const store = await openStore(join(dir, 'state'));
  t.teardown(() => store[Symbol.asyncDispose]());
  const registry = () => {
    throw new Error('no registry here');
  };
  return { dir, deps: { store, registry, absolutePath: (path) => join(dir, path) } };
}

async function copyTo(source: ImageSource, name: string, deps: OpenDeps): Promise<string> {
  await using destination = await openDestination(name, deps);
  return (await copyImage(source, destination, { platform: 'all' })).reference;
}

for (const transport of ['oci', 'oci-archive']) {
  t.test(`${transport} keeps digests both ways`, async (t) => {
    const { dir, deps } = await setUp(t);
    const image = memoryImage();
    const reference = await copyTo(image, `${transport}:out:v1`, deps);
    t.equal(reference, `${transport}:${join(dir, 'out')}:v1@${image.root?.digest}`);
    await using back = await openSource(`${transport}:out:v1`, deps);
    t.match(await back.resolve(), { digest: image.root?.digest, size: image.root?.size });
    const read = await readImage(back, linux);
    t.same(read.config.execution.labels, { kept: 'yes' });
    for (const layer of read.manifest.layers) {
      const bytes = await readAll(await back.open(layer), 1e8);
      t.ok(bytes.equals(image.contents.get(layer.digest) ?? Buffer.alloc(0)));
    }
    await using only = await openSource(`${transport}:out`, deps);
    t.equal((await only.resolve()).digest, image.root?.digest, 'the only image needs no name');
    await using pinned = await openSource(`${transport}:out@${image.root?.digest}`, deps);
    t.equal((await pinned.resolve()).digest, image.root?.digest);
    await using absent = await openSource(`${transport}:out:v2`, deps);
    await t.rejects(absent.resolve(), { code: 'IMAGE_NOT_FOUND', suggestion: /v1/ });
  });

  t.test(`${transport} holds a whole index`, async (t) => {
    const { deps } = await setUp(t);
    const image = memoryIndex([linux, { os: 'linux', architecture: 'arm64' }]);
    await copyTo(image, `${transport}:out:multi`, deps);
    await using back = await openSource(`${transport}:out:multi`, deps);
    t.equal((await back.resolve()).digest, image.root?.digest);
    const arm = await readImage(back, { os: 'linux', architecture: 'arm64' });
    t.equal(arm.config.platform.architecture, 'arm64');
    const byDigest = `${transport}:out@${arm.descriptor.digest}`;
    await using child = await openSource(byDigest, deps);
    t.equal((await child.resolve()).digest, arm.descriptor.digest, 'also what is not listed');
  });
}

t.test('docker-archive keeps config and content, whatever the compression was', async (t) => {
  const { deps } = await setUp(t);
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    const image = memoryImage({ compression });
    const reference = await copyTo(image, `docker-archive:${compression}.tar:app:v1`, deps);
    t.match(reference, /:docker\.io\/library\/app:v1$/);
    await using back = await openSource(`docker-archive:${compression}.tar`, deps);
    const read = await readImage(back, linux);
    const original = await readImage(image, linux);
    t.equal(read.manifest.config.digest, original.manifest.config.digest);
    t.equal(read.manifest.mediaType, mediaTypes.dockerManifest);
    t.same(
      read.manifest.layers.map(({ digest }) => digest),
      original.config.diffIds,
      'uncompressed layers are named by their diffIDs',
    );
    for (const layer of read.manifest.layers) await readAll(await back.open(layer), 1e8);
  }
});

t.test('docker-archive is the same file for the same image', async (t) => {
  const { dir, deps } = await setUp(t);
  await copyTo(memoryImage(), 'docker-archive:a.tar:app:v1', deps);
  await copyTo(memoryImage({ compression: 'zstd' }), 'docker-archive:b.tar:app:v1', deps);
  const config = (name: string) => readFile(join(dir, name));
  t.ok((await config('a.tar')).length === (await config('b.tar')).length);
});

t.test('compressed archives are read as well', async (t) => {
  const { dir, deps } = await setUp(t);
  const image = memoryImage();
  await copyTo(image, 'oci-archive:plain.tar:v1', deps);
  const plain = await readFile(join(dir, 'plain.tar'));
  await writeFile(join(dir, 'a.tar.gz'), gzipSync(plain));
  await writeFile(join(dir, 'a.tar.zst'), zstdCompressSync(plain));
  for (const name of ['a.tar.gz', 'a.tar.zst']) {
    {
      await using back = await openSource(`oci-archive:${name}:v1`, deps);
      t.equal((await back.resolve()).digest, image.root?.digest);
      await readImage(back, linux);
      t.equal((await readdir(join(dir, 'state/builds'))).length, 1, 'spooled');
    }
    t.same(await readdir(join(dir, 'state/builds')), [], 'and removed');
  }
  await writeFile(join(dir, 'a.tar.xz'), Buffer.from('fd377a585a0000', 'hex'));
  await t.rejects(openSource('oci-archive:a.tar.xz', deps), { code: 'COMPRESSION_INVALID' });
  const open = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  t.same(
    open.filter((path) => path.startsWith(dir) && path.endsWith('.tar.xz')),
    [],
    'nothing stays open',
  );
});

t.test('I1: what fails on the way is not visible, and what was there stays', async (t) => {
  const { dir, deps } = await setUp(t);
  for (const name of ['oci:out:v1', 'oci-archive:out.tar:v1', 'docker-archive:docker.tar:app:v1']) {
    const good = memoryImage();
    await copyTo(good, name, deps);
    const before = await listing(dir);
    const bad = memoryImage({ layers: [{ 'etc/other': 'different' }] });
    const manifest = parseManifest(
      await bad.readManifest(await bad.resolve()),
      undefined,
      'manifest',
    );
    if (manifest.kind === 'manifest') {
      bad.contents.set(manifest.layers[0]?.digest as never, Buffer.from('not it'));
    }
    await t.rejects(copyTo(bad, name, deps), { code: 'SIZE_MISMATCH' });
    await using back = await openSource(name, deps);
    t.match((await readImage(back, linux)).config.execution.labels, { kept: 'yes' });
    const left = (await listing(dir)).filter((path) => !before.includes(path));
    t.ok(
      left.every((path) => path.includes('/blobs/')),
      `nothing but whole blobs: ${left}`,
    );
  }
});

t.test('an aborted write leaves no file', async (t) => {
  const { dir, deps } = await setUp(t);
  for (const name of ['oci-archive:out.tar:v1', 'docker-archive:docker.tar:app:v1']) {
    const image = memoryImage();
    const abort = new AbortController();
    await using destination = await openDestination(name, deps);
    image.open = async () => {
      setImmediate(() => abort.abort(new Error('enough')));
      return new Readable({ read() {} });
    };
    await t.rejects(copyImage(image, destination, { platform: 'all', signal: abort.signal }), {
      message: 'enough',
    });
  }
  t.same(
    (await readdir(dir)).filter((name) => name.endsWith('.tar')),
    [],
  );
});

t.test(
  'a layout keeps its other images, and an unnamed one replaces the unnamed one',
  async (t) => {
    const { dir, deps } = await setUp(t);
    const one = memoryImage({ layers: [{ a: '1' }] });
    const two = memoryImage({ layers: [{ a: '2' }] });
    await Promise.all([copyTo(one, 'oci:out:one', deps), copyTo(two, 'oci:out:two', deps)]);
    await copyTo(one, 'oci:out', deps);
    await copyTo(two, 'oci:out', deps);
    const index = JSON.parse(await readFile(join(dir, 'out/index.json'), 'utf8'));
    t.equal(index.manifests.length, 3);
    await copyTo(two, 'oci:out:one', deps);
    await using back = await openSource('oci:out:one', deps);
    t.equal((await back.resolve()).digest, two.root?.digest);
    t.same((await readdir(join(dir, 'out'))).toSorted(), ['blobs', 'index.json', 'oci-layout']);
  },
);

t.test('a damaged blob of a layout is written again', async (t) => {
  const { dir, deps } = await setUp(t);
  const image = memoryImage();
  await copyTo(image, 'oci:out:v1', deps);
  const { manifest } = await readImage(image, linux);
  const layer = manifest.layers[0];
  const path = join(dir, 'out/blobs/sha256', layer?.digest.slice(7) ?? '');
  await writeFile(path, Buffer.alloc(layer?.size ?? 0));
  await using damaged = await openSource('oci:out:v1', deps);
  await t.rejects(readAll(await damaged.open(layer as never), 1e8), { code: 'DIGEST_MISMATCH' });
  await copyTo(image, 'oci:out:v1', deps);
  await using mended = await openSource('oci:out:v1', deps);
  t.equal((await readAll(await mended.open(layer as never), 1e8)).length, layer?.size);
});

t.test('a directory with other things in it is not made a layout', async (t) => {
  const { dir, deps } = await setUp(t);
  await t.rejects(openDestination('oci:.', deps), { code: 'USAGE_INVALID' });
  t.same(await readdir(dir), ['state']);
});

t.test('what is no image is refused with advice', async (t) => {
  const { dir, deps } = await setUp(t);
  await copyTo(memoryImage(), 'oci-archive:out.tar:v1', deps);
  await using wrong = await openSource('docker-archive:out.tar', deps);
  await t.rejects(wrong.resolve(), { code: 'IMAGE_NOT_FOUND', suggestion: /oci-archive/ });
  await t.rejects(openSource('oci-archive:absent.tar', deps), { code: 'IMAGE_NOT_FOUND' });
  await writeFile(join(dir, 'junk.tar'), 'x'.repeat(2000));
  await t.rejects(openSource('oci-archive:junk.tar', deps), { code: 'TAR_INVALID' });
  await using absent = await openSource('oci:nowhere', deps);
  await t.rejects(absent.resolve(), { code: 'IMAGE_NOT_FOUND' });
});

async function listing(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true });
  return entries.filter((path) => !path.startsWith('state'));
}
