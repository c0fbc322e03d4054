/** The examples of the library are programs that do what they say. */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { silentReporter } from '../../src/events/index.ts';
import { startRegistry } from '../../src/server/index.ts';
import { registryUser, startDockerRegistry } from '../support/docker-registry.ts';
import { builderImage } from '../support/images.ts';
import { openWorkbench, succeed, type Workbench } from './support.ts';

t.setTimeout(300_000);

const root = fileURLToPath(new URL('../..', import.meta.url));
const examples = join(root, 'examples/library');
const tried = new Set<string>();

function example(bench: Workbench, name: string, args: readonly string[], env = {}) {
  tried.add(`${name}.ts`);
  return bench.run(process.execPath, [join(examples, `${name}.ts`), ...args], { env });
}

/** The program that README shows, for an image of the test. */
async function readmeSnippet(repository: string, directory: string): Promise<string> {
  const text = await readFile(join(root, 'README.md'), 'utf8');
  const [, code = ''] = text.split(/^## As a library$/m)[1]?.split(/^```(?:ts)?$/m) ?? [];
  return code
    .replaceAll('registry.example.com/apps/hello', repository)
    .replaceAll('./hello', join(directory, 'hello'));
}

t.test('push, resolve and fetch an image', async (t) => {
  await using bench = await openWorkbench();
  await using registry = await startRegistry({
    directory: join(t.testdir({}), 'registry'),
    reporter: silentReporter,
  });
  const { reference: layout } = await builderImage('busybox');
  const image = `${registry.host}/library/busybox:1`;

  const pushed = await example(bench, 'push', [layout, image]);
  succeed(t, pushed);
  t.match(pushed.stdout, /^uploaded sha256:[0-9a-f]{64} \d+ bytes$/m);
  const digest = pushed.stdout.trim().split('@').at(-1) ?? '';
  t.match((await example(bench, 'push', [layout, image])).stdout, /^present /m);

  const resolved = await example(bench, 'resolve', [image]);
  succeed(t, resolved);
  t.equal(resolved.stdout, `${image}@${digest}\n`);
  const missing = await example(bench, 'resolve', [`${registry.host}/library/none:1`]);
  t.equal(missing.code, 7);
  t.match(missing.stderr, /^IMAGE_NOT_FOUND: /);

  const fetched = await example(bench, 'fetch', [image, 'layers']);
  succeed(t, fetched);
  t.equal(JSON.parse(fetched.stdout).platform.os, 'linux');
  const layers = await readdir(join(bench.directory, 'layers'));
  t.ok(layers.length > 0);
  for (const name of layers) {
    const content = await readFile(join(bench.directory, 'layers', name));
    t.equal(createHash('sha256').update(content).digest('hex'), name);
  }

  const snippet = await readmeSnippet(image.replace(/:1$/, ''), bench.directory);
  const shown = await bench.run(process.execPath, ['--input-type=module', '-e', snippet], {
    cwd: root,
  });
  succeed(t, shown);
  t.match(shown.stdout, 'io.openshift.s2i', 'the labels of the image are shown');
  t.same(await readdir(join(bench.directory, 'hello')), ['blobs', 'index.json', 'oci-layout']);
});

t.test('copy with a login, mounting within one registry', async (t) => {
  await using bench = await openWorkbench();
  await using registry = await startDockerRegistry({ auth: 'basic' });
  const { username, password } = registryUser;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }) };
  const { reference: layout } = await builderImage('busybox');

  const first = await example(bench, 'copy', [layout, `${registry.host}/apps/one:1`], env);
  succeed(t, first);
  const [reference = '', totals = ''] = first.stdout.trim().split('\n');
  t.match(reference, /\/apps\/one:1@sha256:[0-9a-f]{64}$/);
  t.ok(JSON.parse(totals).pushed > 0);

  const names = ['one', 'two'].map((name) => `${registry.host}/apps/${name}:1`);
  const second = await example(bench, 'copy', names, env);
  succeed(t, second);
  const moved = JSON.parse(second.stdout.trim().split('\n')[1] ?? '');
  t.equal(moved.pushed + moved.pulled, 0, 'no byte of a blob moves');
  t.ok(moved.mounted > 0);

  const refused = await example(bench, 'copy', names);
  t.not(refused.code, 0);
  t.notMatch(refused.stderr, password);
});

t.test('every example was run', async (t) => {
  const files = (await readdir(examples)).filter((name) => name.endsWith('.ts'));
  t.strictSame([...tried].toSorted(), files.toSorted());
});
