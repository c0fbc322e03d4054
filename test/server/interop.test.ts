/** Programs of others push to and pull from the embedded registry; what comes back is what went in. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Descriptor } from '../../src/model/index.ts';
import { findTestUser, type RunOptions, run } from '../support/as-user.ts';
import { craneProgram } from '../support/crane.ts';
import { builderImage } from '../support/images.ts';
import { send, startTestRegistry } from './client.ts';

interface ImageManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Runs a program that has to succeed and returns its output. */
async function tool(command: string, args: readonly string[], options: RunOptions = {}) {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** The digests of what an image consists of, as a layout has it. */
async function partsOfLayout(directory: string): Promise<readonly string[]> {
  const read = async (path: string) => JSON.parse(await readFile(join(directory, path), 'utf8'));
  const { manifests } = (await read('index.json')) as { manifests: Descriptor[] };
  const hex = manifests[0]?.digest.replace('sha256:', '') ?? '';
  return partsOf((await read(`blobs/sha256/${hex}`)) as ImageManifest);
}

/** The digests of what an image consists of, as the registry has it. */
async function partsInRegistry(host: string, repository: string, tag: string) {
  const { body } = await send(host, 'GET', `/v2/${repository}/manifests/${tag}`);
  return partsOf(JSON.parse(body.toString()) as ImageManifest);
}

function partsOf({ config, layers }: ImageManifest): readonly string[] {
  return [config, ...layers].map(({ digest }) => digest);
}

async function startWithImage(t: Test) {
  const { reference, directory } = await builderImage('busybox');
  const work = t.testdir({ 'layer.tar': Buffer.alloc(10_240) });
  const registry = await startTestRegistry(t, { directory: join(work, 'registry') });
  const { host } = registry;
  const target = `docker://${host}/builders/busybox:1`;
  await tool('skopeo', ['copy', '--dest-tls-verify=false', reference, target]);
  return { registry, host, work, parts: await partsOfLayout(directory) };
}

t.test('skopeo pushes, inspects, copies inside the registry, pulls and deletes', async (t) => {
  const { registry, host, work, parts } = await startWithImage(t);
  t.same(await partsInRegistry(host, 'builders/busybox', '1'), parts);
  const source = `docker://${host}/builders/busybox:1`;
  const inspect = ['inspect', '--tls-verify=false', '--format', '{{.Name}} {{.RepoTags}}'];
  t.equal(await tool('skopeo', [...inspect, source]), `${host}/builders/busybox [1]`);
  const before = registry.stats().received;
  const both = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await tool('skopeo', ['copy', ...both, source, `docker://${host}/copies/busybox:2`]);
  t.ok(registry.stats().received - before < 10_000, 'the layers were mounted, not sent');
  const layout = join(work, 'layout');
  const pulled = `docker://${host}/copies/busybox:2`;
  await tool('skopeo', ['copy', '--src-tls-verify=false', pulled, `oci:${layout}:x`]);
  t.same(await partsOfLayout(layout), parts);
  await tool('skopeo', ['delete', '--tls-verify=false', pulled]);
  t.equal((await send(host, 'GET', '/v2/copies/busybox/manifests/2')).status, 404);
});

const crane = (await craneProgram()) ?? '';
const noCrane = crane === '' && 'crane is built with Go, which this machine lacks';

t.test('crane copies, lists, validates, tags and deletes', { skip: noCrane }, async (t) => {
  const { host, work, parts } = await startWithImage(t);
  const source = `${host}/builders/busybox:1`;
  await tool(crane, ['copy', source, `${host}/crane/busybox:1`]);
  t.same(await partsInRegistry(host, 'crane/busybox', '1'), parts);
  await tool(crane, ['validate', '--remote', `${host}/crane/busybox:1`]);
  await tool(crane, ['tag', `${host}/crane/busybox:1`, 'two']);
  t.equal(await tool(crane, ['ls', `${host}/crane/busybox`]), '1\ntwo');
  const digest = await tool(crane, ['digest', `${host}/crane/busybox:two`]);
  const appended = ['append', '--new_tag', `${host}/crane/busybox:three`, '--new_layer'];
  const layer = join(work, 'layer.tar');
  await tool(crane, [...appended, layer, '--base', source]);
  t.equal((await partsInRegistry(host, 'crane/busybox', 'three')).length, parts.length + 1);
  await tool(crane, ['delete', `${host}/crane/busybox@${digest}`]);
  t.equal(await tool(crane, ['ls', `${host}/crane/busybox`]), 'three');
});

t.test('podman pulls, pushes and pushes again, as a user without rights', async (t) => {
  const user = await findTestUser('with-subuids');
  if (typeof user === 'string') throw new Error(user);
  const { host, parts } = await startWithImage(t);
  const work = await tool('mktemp', ['--directory', '--tmpdir', 's2oci-podman-XXXXXX'], { user });
  const remove = ['unshare', 'rm', '-rf', join(work, 'storage'), join(work, 'run')];
  t.teardown(async () => {
    await run('podman', remove, { user });
    await run('rm', ['-rf', work], { user });
  });
  const store = ['--root', join(work, 'storage'), '--runroot', join(work, 'run')];
  const podman = (...args: string[]) =>
    tool('podman', [...store, '--storage-driver=vfs', ...args], {
      user,
      cwd: work,
      env: { XDG_RUNTIME_DIR: work },
    });
  await podman('pull', '--quiet', '--tls-verify=false', `${host}/builders/busybox:1`);
  await podman(
    'push',
    '--tls-verify=false',
    `${host}/builders/busybox:1`,
    `${host}/podman/busybox:1`,
  );
  const pushed = await partsInRegistry(host, 'podman/busybox', '1');
  t.equal(pushed.length, parts.length);
  t.equal(pushed[0], parts[0], 'the configuration is the same');
  await podman(
    'push',
    '--tls-verify=false',
    `${host}/builders/busybox:1`,
    `${host}/podman/busybox:2`,
  );
  t.same(await partsInRegistry(host, 'podman/busybox', '2'), pushed);
});
