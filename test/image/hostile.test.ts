/** Layouts and archives that lie, hide, swamp or block. Each is refused with the right code. */

import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readAll } from '../../src/blob/index.ts';
import { copyImage, type OpenDeps, openDestination, openSource } from '../../src/image/index.ts';
import { digestOf, parsePlatform } from '../../src/model/index.ts';
import { openStore } from '../../src/store/index.ts';
import { endOfArchive } from '../../src/tar/index.ts';
import { layerTar, memoryImage } from './build-image.ts';

const amd64 = parsePlatform('linux/amd64');

async function setUp(t: Test): Promise<{ dir: string; deps: OpenDeps }> {
  const dir = t.testdir({ layout: {} });
  const store = await openStore(join(dir, 'state'));
  t.teardown(() => store[Symbol.asyncDispose]());
  const registry = () => {
    throw new Error('no registry here');
  };
  const deps = { store, registry, absolutePath: (path: string) => join(dir, path) };
  await using destination = await openDestination('oci:layout:v1', deps);
  await copyImage(memoryImage(), destination, { platform: 'all' });
  return { dir, deps };
}

const config = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [digestOf(layerTar({ a: '1' }))] },
});

const description = [{ Config: 'c.json', RepoTags: ['app:v1'], Layers: ['l.tar'] }];

/** Members of an archive as docker writes it, some of them replaced. */
function dockerArchive(changes: Readonly<Record<string, unknown>> = {}): Buffer {
  const members: Record<string, unknown> = {
    'manifest.json': description,
    'c.json': config,
    'l.tar': layerTar({ a: '1' }),
    ...changes,
  };
  const present = Object.entries(members).filter(([, content]) => content !== undefined);
  const encoded = present.map(([name, content]) => {
    const isText = typeof content === 'string' || content instanceof Uint8Array;
    return [name, isText ? content : JSON.stringify(content)];
  });
  return layerTar(Object.fromEntries(encoded));
}

async function readDocker(t: Test, archive: Uint8Array, name = ''): Promise<void> {
  const { dir, deps } = await setUp(t);
  await writeFile(join(dir, 'docker.tar'), archive);
  await using source = await openSource(`docker-archive:docker.tar${name}`, deps);
  await using destination = await openDestination('oci-archive:out.tar', deps);
  await copyImage(source, destination, { platform: amd64 });
}

t.test('the archive that the others are made of is accepted', async (t) => {
  await readDocker(t, dockerArchive());
  await readDocker(t, dockerArchive(), ':app:v1');
});

const bad: Readonly<Record<string, { changes: Record<string, unknown>; code: string }>> = {
  'a manifest that is no list': { changes: { 'manifest.json': {} }, code: 'MANIFEST_INVALID' },
  'a second document behind the manifest': {
    changes: { 'manifest.json': `${JSON.stringify(description)},"images2":[]` },
    code: 'MANIFEST_INVALID',
  },
  'a manifest with a key twice': {
    changes: { 'manifest.json': '[{"Config":"c.json","config":"d.json","Layers":["l.tar"]}]' },
    code: 'MANIFEST_INVALID',
  },
  'a layer that is not there': { changes: { 'l.tar': undefined }, code: 'MANIFEST_INVALID' },
  'a config that is not there': { changes: { 'c.json': undefined }, code: 'IMAGE_NOT_FOUND' },
  'fewer layers than diffIDs': {
    changes: { 'manifest.json': [{ ...description[0], Layers: [] }] },
    code: 'MANIFEST_INVALID',
  },
  'M06: a layer that is not what its diffID says': {
    changes: { 'l.tar': layerTar({ a: '2' }) },
    code: 'DIGEST_MISMATCH',
  },
  'more layers than are accepted': {
    changes: { 'manifest.json': [{ ...description[0], Layers: Array(501).fill('l.tar') }] },
    code: 'LIMIT_EXCEEDED',
  },
  'a path that leads outside': {
    changes: { 'manifest.json': [{ ...description[0], Config: '../../../../etc/hostname' }] },
    code: 'IMAGE_NOT_FOUND',
  },
  'a config of 9 MiB': { changes: { 'c.json': 'x'.repeat(9 * 2 ** 20) }, code: 'LIMIT_EXCEEDED' },
  'a manifest of 5 MiB': {
    changes: { 'manifest.json': ' '.repeat(5 * 2 ** 20) },
    code: 'LIMIT_EXCEEDED',
  },
};

for (const [name, { changes, code }] of Object.entries(bad)) {
  t.test(`${name} is refused`, async (t) => {
    await t.rejects(readDocker(t, dockerArchive(changes)), { code });
  });
}

t.test('an archive that describes itself twice is refused', async (t) => {
  const once = dockerArchive();
  const twice = Buffer.concat([once.subarray(0, once.length - endOfArchive.length), once]);
  await t.rejects(readDocker(t, twice), { code: 'TAR_INVALID', message: /manifest\.json twice/ });
});

t.test('links among members that go round are no members', async (t) => {
  const { dir, deps } = await setUp(t);
  await mkdir(join(dir, 'loop'));
  await symlink('manifest.json', join(dir, 'loop', 'other.json'));
  await symlink('other.json', join(dir, 'loop', 'manifest.json'));
  execFileSync('tar', ['-cf', join(dir, 'loop.tar'), '-C', join(dir, 'loop'), '.']);
  await using source = await openSource('docker-archive:loop.tar', deps);
  await t.rejects(source.resolve(), { code: 'IMAGE_NOT_FOUND' });
});

t.test('a sparse member is refused', async (t) => {
  const { dir, deps } = await setUp(t);
  const script = 'truncate -s 1M big && printf x >> big && tar -cSf ../sparse.tar big';
  await mkdir(join(dir, 'sparse'));
  execFileSync('sh', ['-c', script], { cwd: join(dir, 'sparse') });
  await t.rejects(openSource('oci-archive:sparse.tar', deps), {
    code: 'TAR_INVALID',
    message: /sparse/,
  });
});

t.test('an archive that is cut off is refused', async (t) => {
  await t.rejects(readDocker(t, dockerArchive().subarray(0, 3000)), { code: 'TAR_INVALID' });
});

t.test('several images need a name', async (t) => {
  const two = [description[0], { ...description[0], RepoTags: null }];
  const archive = dockerArchive({ 'manifest.json': two });
  await t.rejects(readDocker(t, archive), { code: 'IMAGE_NOT_FOUND', suggestion: /app:v1, @1/ });
  await readDocker(t, archive, ':@1');
  await readDocker(t, archive, ':app:v1');
  await t.rejects(readDocker(t, archive, ':@2'), { code: 'IMAGE_NOT_FOUND' });
  await t.rejects(readDocker(t, archive, ':other'), { code: 'IMAGE_NOT_FOUND' });
});

t.test('a FIFO in place of a file of a layout does not block', async (t) => {
  const { dir, deps } = await setUp(t);
  for (const name of ['index.json', 'oci-layout']) {
    const path = join(dir, 'layout', name);
    await rm(path);
    execFileSync('mkfifo', [path]);
    await using source = await openSource('oci:layout:v1', deps);
    await t.rejects(source.resolve(), { code: 'IO_FAILED' });
  }
  execFileSync('mkfifo', [join(dir, 'fifo.tar')]);
  await t.rejects(openSource('oci-archive:fifo.tar', deps), { code: 'IO_FAILED' });
});

const documents: Readonly<Record<string, { file: string; content: string; code: string }>> = {
  'an index that is a manifest as well': {
    file: 'index.json',
    content: '{"schemaVersion":2,"manifests":[],"config":{}}',
    code: 'MANIFEST_INVALID',
  },
  'M04: an entry whose digest is a path': {
    file: 'index.json',
    content:
      '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:../../../etc/passwd","size":5}]}',
    code: 'DIGEST_INVALID',
  },
  'a layout of another version': {
    file: 'oci-layout',
    content: '{"imageLayoutVersion":"2.0.0"}',
    code: 'MANIFEST_INVALID',
  },
  'an index of 5 MiB': {
    file: 'index.json',
    content: ' '.repeat(5 * 2 ** 20),
    code: 'LIMIT_EXCEEDED',
  },
};

for (const [name, { file, content, code }] of Object.entries(documents)) {
  t.test(`${name} is refused`, async (t) => {
    const { dir, deps } = await setUp(t);
    await writeFile(join(dir, 'layout', file), content);
    await using source = await openSource('oci:layout:v1', deps);
    await t.rejects(source.resolve(), { code });
  });
}

t.test('M03: a blob that is longer than its descriptor says is refused', async (t) => {
  const { dir, deps } = await setUp(t);
  await using source = await openSource('oci:layout:v1', deps);
  const root = await source.resolve();
  const blobs = join(dir, 'layout/blobs/sha256');
  for (const name of await readdir(blobs)) await writeFile(join(blobs, name), 'y', { flag: 'a' });
  await t.rejects(source.readManifest(root), { code: 'SIZE_MISMATCH' });
  await t.rejects(readAll(await source.open({ ...root, size: 1 }), 100), { code: 'SIZE_MISMATCH' });
});
