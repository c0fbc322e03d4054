/** What skopeo, umoci and podman write we read, and what we write they read. */

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { readAll } from '../../src/blob/index.ts';
import {
  copyImage,
  type OpenDeps,
  openDestination,
  openSource,
  readImage,
} from '../../src/image/index.ts';
import { openStore } from '../../src/store/index.ts';
import { type ImageShape, type MemoryImage, memoryImage } from './build-image.ts';

const run = promisify(execFile);
const linux = { os: 'linux', architecture: 'amd64' };

interface Ground {
  readonly dir: string;
  readonly deps: OpenDeps;
  readonly image: MemoryImage;
}

async function setUp(t: Test, shape: ImageShape = {}): Promise<Ground> {
  const dir = t.testdir({ work: {} });
  const store = await openStore(join(dir, 'state'));
  t.teardown(() => store[Symbol.asyncDispose]());
  const registry = () => {
    throw new Error('no registry here');
  };
  const deps = { store, registry, absolutePath: (path: string) => join(dir, 'work', path) };
  return { dir: join(dir, 'work'), deps, image: memoryImage(shape) };
}

async function write({ deps, image }: Ground, name: string): Promise<void> {
  await using destination = await openDestination(name, deps);
  await copyImage(image, destination, { platform: 'all' });
}

/** Reads everything of an image, so that everything is verified. */
async function readWhole({ deps }: Ground, name: string) {
  await using source = await openSource(name, deps);
  const { manifest, config, descriptor } = await readImage(source, linux);
  for (const layer of manifest.layers) await readAll(await source.open(layer), 1e8);
  return { manifest, config, digest: descriptor.digest };
}

async function skopeo(ground: Ground, from: string, to: string): Promise<void> {
  await run('skopeo', ['copy', '--insecure-policy', from, to], { cwd: ground.dir });
}

for (const compression of ['gzip', 'none'] as const) {
  t.test(`skopeo reads what we write (${compression})`, async (t) => {
    const ground = await setUp(t, { compression });
    for (const name of ['oci:layout:v1', 'oci-archive:layout.tar:v1']) {
      await write(ground, name);
      const { stdout } = await run('skopeo', ['inspect', name], { cwd: ground.dir });
      const seen = JSON.parse(stdout);
      t.equal(seen.Digest, ground.image.root?.digest);
      t.same(seen.Labels, { kept: 'yes' });
      await skopeo(ground, name, `dir:${name.split(':')[0]}-copy`);
    }
    await write(ground, 'docker-archive:docker.tar:app:v1');
    await skopeo(ground, 'docker-archive:docker.tar:app:v1', 'oci:from-docker:v1');
    const original = await readImage(ground.image, linux);
    const copied = await readWhole(ground, 'oci:from-docker:v1');
    t.same(copied.config.diffIds, original.config.diffIds);
  });
}

t.test('we read what skopeo writes', async (t) => {
  const ground = await setUp(t);
  await write(ground, 'oci:ours:v1');
  const original = await readImage(ground.image, linux);
  for (const name of ['oci:theirs:v2', 'oci:theirs', 'oci-archive:theirs.tar:v2']) {
    await skopeo(ground, 'oci:ours:v1', name);
    const read = await readWhole(ground, name === 'oci:theirs' ? 'oci:theirs:v2' : name);
    t.equal(read.digest, ground.image.root?.digest);
  }
  await skopeo(ground, 'oci:ours:v1', 'docker-archive:theirs-docker.tar:app:v2');
  for (const name of ['', ':app:v2', ':docker.io/library/app:v2', ':@0']) {
    const read = await readWhole(ground, `docker-archive:theirs-docker.tar${name}`);
    t.same(read.config.diffIds, original.config.diffIds);
  }
});

t.test('umoci unpacks our layout and we read what it repacks', async (t) => {
  const ground = await setUp(t, { layers: [{ 'etc/motd': 'hello\n' }, { 'app/main': 'main' }] });
  await write(ground, 'oci:layout:v1');
  const rootless = ['--rootless', '--image', 'layout:v1', 'bundle'];
  await run('umoci', ['unpack', ...rootless], { cwd: ground.dir });
  t.equal(await readFile(join(ground.dir, 'bundle/rootfs/app/main'), 'utf8'), 'main');
  await run('umoci', ['config', '--image', 'layout:v1', '--tag', 'v2', '--config.cmd', 'new'], {
    cwd: ground.dir,
  });
  t.same((await readWhole(ground, 'oci:layout:v2')).config.execution.cmd, ['new']);
  t.equal((await readWhole(ground, 'oci:layout:v1')).digest, ground.image.root?.digest);
  await write(ground, 'oci:layout:v3');
  t.same((await readWhole(ground, 'oci:layout:v2')).config.execution.cmd, ['new'], 'theirs stays');
});

t.test('podman loads our archives and we read what it saves', async (t) => {
  const ground = await setUp(t);
  // podman wants a short path here, and its trees are not ours to remove before it has.
  const storage = await mkdtemp(join(tmpdir(), 'podman-'));
  t.teardown(() => rm(storage, { recursive: true, force: true }));
  const podman = (...args: string[]) =>
    run(
      'podman',
      [
        ...['--root', join(storage, 'root'), '--runroot', join(storage, 'run')],
        ...['--storage-driver', 'vfs', ...args],
      ],
      { cwd: ground.dir },
    );
  await write(ground, 'docker-archive:docker.tar:localhost/app:v1');
  await write(ground, 'oci-archive:oci.tar:localhost/app:v2');
  t.match((await podman('load', '-i', 'docker.tar')).stdout, /localhost\/app:v1/);
  t.match((await podman('load', '-i', 'oci.tar')).stdout, /localhost\/app:v2|sha256:/);
  const { stdout } = await podman('image', 'inspect', 'localhost/app:v1');
  t.same(JSON.parse(stdout)[0].Labels, { kept: 'yes' });
  const original = await readImage(ground.image, linux);
  for (const format of ['docker-archive', 'oci-archive']) {
    const file = `saved-${format}.tar`;
    await podman('save', '--format', format, '-o', file, 'localhost/app:v1');
    const read = await readWhole(ground, `${format}:${file}`);
    t.same(read.config.diffIds, original.config.diffIds);
  }
  await podman('rmi', '--all', '--force');
});

t.test('a docker archive with compressed layers and links is read', async (t) => {
  const ground = await setUp(t);
  await write(ground, 'oci:layout:v1');
  const { manifest } = await readImage(ground.image, linux);
  const blob = (digest = '') => `blobs/sha256/${digest.slice(7)}`;
  const members = manifest.layers.map((layer, i) => ({
    digest: layer.digest,
    link: `${i}/layer.tar`,
  }));
  // As kaniko and jib write it, with links as docker save does for layers that occur twice.
  const script = [
    'set -e',
    'cd layout',
    ...members.map(
      ({ digest, link }) => `mkdir -p ${link.slice(0, 1)}; ln -s ../${blob(digest)} ${link}`,
    ),
    `printf '%s' "$0" > manifest.json`,
    'tar -cf ../linked.tar manifest.json blobs 0 1',
  ].join('\n');
  const description = JSON.stringify([
    {
      Config: blob(manifest.config.digest),
      RepoTags: null,
      Layers: members.map(({ link }) => link),
    },
  ]);
  await run('sh', ['-c', script, description], { cwd: ground.dir });
  const read = await readWhole(ground, 'docker-archive:linked.tar');
  t.same(
    read.manifest.layers.map(({ digest }) => digest),
    manifest.layers.map(({ digest }) => digest),
  );
});

t.test('nothing of ours stays beside the images', async (t) => {
  const ground = await setUp(t);
  await write(ground, 'oci:layout:v1');
  await write(ground, 'oci-archive:a.tar');
  await write(ground, 'docker-archive:b.tar');
  t.same((await readdir(ground.dir)).toSorted(), ['a.tar', 'b.tar', 'layout']);
  t.equal((await stat(join(ground.dir, 'a.tar'))).mode & 0o777, 0o644);
});
