/**
 * What our client pushes, skopeo, podman, umoci and crane read; what they push, our client reads. Through a
 * `docker-registry`, with every content fetched and verified on both sides.
 */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readAll } from '../../src/blob/index.ts';
import {
  copyImage,
  type ImageSource,
  openDestination,
  readImage,
  registryImage,
} from '../../src/image/index.ts';
import { parseReference } from '../../src/model/index.ts';
import { openStore } from '../../src/store/index.ts';
import { layerTar, memoryImage, memoryIndex } from '../image/build-image.ts';
import { run } from '../support/as-user.ts';
import { craneProgram } from '../support/crane.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { testClient } from './support.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };
const files = { 'etc/motd': 'hello\n', 'app/main': 'main' };

/** Runs a program that has to succeed and returns its output. */
async function tool(command: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { env: { ...process.env } });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

async function setUp(t: Test) {
  // Lower case and short: podman takes paths for names.
  const directory = await mkdtemp(join(tmpdir(), 's2oci-interop-'));
  const registry = await startDockerRegistry();
  const { client } = testClient();
  const store = await openStore(join(directory, 'state'));
  t.teardown(async () => {
    await client.close();
    await registry.close();
    await store[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  const open = (name: string) => registryImage(client, parseReference(`${registry.host}/${name}`));
  return {
    directory,
    host: registry.host,
    /** Pushes with our client. */
    push: async (image: ImageSource, name: string) =>
      void (await copyImage(image, open(name), { platform: 'all' })),
    /** Reads everything with our client; returns the digests. */
    read: async (name: string, platform = amd64) => {
      const source = open(name);
      const { manifest, config, descriptor } = await readImage(source, platform);
      for (const layer of manifest.layers) await readAll(await source.open(layer), 1e8);
      return { digest: descriptor.digest, config: manifest.config.digest, diffIds: config.diffIds };
    },
    /** Pulls with our client into an OCI layout. */
    pull: async (name: string, layout: string) => {
      const deps = {
        store,
        registry: () => open(name),
        absolutePath: (path: string) => join(directory, path),
      };
      await using destination = await openDestination(`oci:${layout}:v1`, deps);
      await copyImage(open(name), destination, { platform: 'all' });
    },
  };
}

t.test('skopeo reads what we push, and we read what it pushes', async (t) => {
  const { host, directory, push, read } = await setUp(t);
  for (const [name, image] of [
    ['gzip', memoryImage()],
    ['zstd', memoryImage({ compression: 'zstd' })],
    ['docker', memoryImage({ family: 'docker' })],
  ] as const) {
    await push(image, `ours/${name}:1`);
    const both = ['--src-tls-verify=false', '--dest-tls-verify=false'];
    const to = `docker://${host}/theirs/${name}:1`;
    await tool(
      'skopeo',
      'copy',
      ...both,
      `docker://${host}/ours/${name}:1`,
      `dir:${directory}/${name}`,
    );
    await tool('skopeo', 'copy', ...both, '--preserve-digests', `dir:${directory}/${name}`, to);
    t.strictSame(await read(`theirs/${name}:1`), await read(`ours/${name}:1`), name);
  }
  await push(memoryIndex([amd64, arm64]), 'ours/index:1');
  const raw = await tool(
    'skopeo',
    'inspect',
    '--raw',
    '--tls-verify=false',
    `docker://${host}/ours/index:1`,
  );
  t.equal(JSON.parse(raw).manifests.length, 2);
});

t.test('podman pulls what we push, and we read what it pushes', async (t) => {
  const { host, directory, push, read } = await setUp(t);
  const storage = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run')];
  const podman = (...args: string[]) => tool('podman', ...storage, '--storage-driver=vfs', ...args);
  await push(memoryImage({ layers: [files] }), 'ours/app:1');
  await podman('pull', '--quiet', '--tls-verify=false', `${host}/ours/app:1`);
  await podman('push', '--tls-verify=false', `${host}/ours/app:1`, `${host}/theirs/app:1`);
  const [ours, theirs] = [await read('ours/app:1'), await read('theirs/app:1')];
  t.strictSame([theirs.config, theirs.diffIds], [ours.config, ours.diffIds]);
  await podman('rmi', '--all', '--force');
});

t.test('umoci unpacks what we pull, and we push what it makes', async (t) => {
  const { host, directory, push, pull, read } = await setUp(t);
  await push(memoryImage({ layers: [files] }), 'ours/app:1');
  await pull('ours/app:1', 'layout');
  const layout = join(directory, 'layout');
  const unpack = ['unpack', '--rootless', '--image', `${layout}:v1`, join(directory, 'bundle')];
  await tool('umoci', ...unpack);
  t.equal(await tool('cat', join(directory, 'bundle/rootfs/app/main')), files['app/main']);
  await tool('umoci', 'config', '--image', `${layout}:v1`, '--tag', 'v2', '--config.cmd', 'new');
  await tool(
    'skopeo',
    'copy',
    '--dest-tls-verify=false',
    `oci:${layout}:v2`,
    `docker://${host}/theirs/app:2`,
  );
  t.strictSame((await read('theirs/app:2')).diffIds, (await read('ours/app:1')).diffIds);
});

const crane = (await craneProgram()) ?? '';
const noCrane = crane === '' && 'crane is built with Go, which this machine lacks';

t.test('crane reads what we push, and we read what it pushes', { skip: noCrane }, async (t) => {
  const { host, directory, push, pull, read } = await setUp(t);
  await push(memoryImage({ layers: [files] }), 'ours/app:1');
  const ours = await read('ours/app:1');
  await tool(crane, 'validate', '--remote', `${host}/ours/app:1`);
  t.equal(await tool(crane, 'digest', `${host}/ours/app:1`), ours.digest);
  const archive = join(directory, 'exported.tar');
  await tool(crane, 'export', `${host}/ours/app:1`, archive);
  t.equal(await tool('tar', '-xOf', archive, 'app/main'), files['app/main']);

  await tool(crane, 'copy', `${host}/ours/app:1`, `${host}/theirs/app:1`);
  t.strictSame(await read('theirs/app:1'), ours, 'copied by crane');
  await pull('ours/app:1', 'layout');
  await tool(crane, 'push', join(directory, 'layout'), `${host}/theirs/app:2`);
  t.strictSame(await read('theirs/app:2'), ours, 'pushed from our layout');
  await mkdir(join(directory, 'more'));
  const layer = join(directory, 'more/layer.tar');
  await writeFile(layer, layerTar({ added: 'by crane' }));
  const append = ['append', '--base', `${host}/ours/app:1`, '--new_layer', layer];
  await tool(crane, ...append, '--new_tag', `${host}/theirs/app:3`);
  t.strictSame((await read('theirs/app:3')).diffIds.slice(0, -1), ours.diffIds, 'appended to');

  await push(memoryIndex([amd64, arm64]), 'ours/index:1');
  await tool(crane, 'validate', '--remote', `${host}/ours/index:1`);
  await tool(crane, 'copy', `${host}/ours/index:1`, `${host}/theirs/index:1`);
  for (const platform of [amd64, arm64])
    t.strictSame(await read('theirs/index:1', platform), await read('ours/index:1', platform));
});
