/** The build cache as users meet it: assemble does not run again when nothing changed. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../support/as-user.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { pushBuilder } from '../support/images.ts';
import { leftovers, openWorkbench, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

/** An assemble that gives something else each time it runs. */
const assemble = `#!/bin/sh
mkdir -p /app
cp -r /tmp/src/. /app
echo "ran $(cat /proc/sys/kernel/random/uuid)" > /app/run-id
`;

interface Result {
  readonly digest: string;
  readonly layers: readonly { readonly digest: string; readonly outcome: string }[];
  readonly cache: { readonly used: boolean; readonly reason: string };
  readonly transfer: { readonly pulled: number; readonly pushed: number };
}

async function makeSource(bench: Workbench): Promise<string> {
  const source = join(bench.directory, 'source');
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  await writeFile(join(source, '.s2i/bin/assemble'), assemble);
  await writeFile(join(source, 'a.txt'), 'a\n');
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
  return source;
}

/** Builds and returns the result with what was told. */
async function build(
  t: Test,
  bench: Workbench,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Result & { readonly told: string }> {
  const file = join(bench.directory, 'result.json');
  const built = await bench.s2oci(['build', ...args, '--metadata-file', file], { env });
  succeed(t, built);
  return { ...JSON.parse(await readFile(file, 'utf8')), told: built.stderr };
}

async function openRegistry(): Promise<DockerRegistry & { readonly builder: string }> {
  const registry = await startDockerRegistry();
  const builder = `${registry.host}/builders/busybox:1`;
  await pushBuilder('busybox', builder);
  return Object.assign(registry, { builder });
}

t.test('nothing changed: nothing runs, and a few small requests are all', async (t) => {
  await using registry = await openRegistry();
  for (const kind of ['with-subuids', 'without-subuids'] as const) {
    await using bench = await openWorkbench(kind);
    const source = await makeSource(bench);
    const args = [source, registry.builder, `${registry.host}/apps/${kind}:1`];
    const first = await build(t, bench, args);
    t.notOk(first.cache.used);
    await registry.settle();
    const before = registry.requests.length;
    const second = await build(t, bench, args);
    t.equal(second.digest, first.digest);
    t.same(second.cache, { used: true, reason: 'found in this machine' });
    t.match(second.told, /assemble skipped: cached/);
    await registry.settle();
    const requests = registry.requests.slice(before);
    t.ok(requests.length <= 6, `${requests.length} requests`);
    t.ok(requests.every(({ method }) => method === 'GET' || method === 'HEAD'));
    t.same(await leftovers(bench.home), []);
  }
});

t.test('what changes is told, and runs assemble again', async (t) => {
  await using registry = await openRegistry();
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const args = [source, registry.builder, `${registry.host}/apps/a:1`, '--explain'];
  const layerOf = ({ layers }: Result) => layers.at(-1)?.digest;
  const first = await build(t, bench, args);
  t.match(first.told, /assemble: not cached: it was not built here before/);

  const labelled = await build(t, bench, [...args, '--label', 'x=y']);
  t.ok(labelled.cache.used, 'labels are no input of assemble');
  t.equal(layerOf(labelled), layerOf(first));
  t.not(labelled.digest, first.digest);

  await writeFile(join(source, 'a.txt'), 'b\n');
  const edited = await build(t, bench, args);
  t.match(edited.told, /not cached: source file a\.txt changed\n/);
  t.not(layerOf(edited), layerOf(first));
  await writeFile(join(source, 'a.txt'), 'a\n');
  const back = await build(t, bench, args);
  t.equal(layerOf(back), layerOf(first), 'an earlier state is found again');

  const withVariable = await build(t, bench, [...args, '-e', 'MODE=x']);
  t.match(withVariable.told, /not cached: environment MODE is new\n/);
  const secretly = await build(t, bench, [...args, '--build-env', 'TOKEN=hush']);
  t.match(secretly.told, /environment MODE is gone|build environment TOKEN is new/);
  const records = await run('grep', ['-r', 'hush', join(bench.home, 'records')]);
  t.equal(records.stdout, '', 'values are not written down');

  const volume = `${bench.directory}:/mnt`;
  const mounted = await build(t, bench, [...args, '-v', volume]);
  t.match(mounted.told, /not cached: assemble sees files of this machine/);
  const again = await build(t, bench, [...args, '--no-cache']);
  t.match(again.told, /not cached: --no-cache was given/);
  t.not(layerOf(again), layerOf(first));
  t.equal(layerOf(await build(t, bench, args)), layerOf(again), 'the last result stands');
});

t.test('a cache in a registry serves machines that have nothing', async (t) => {
  await using registry = await openRegistry();
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const cache = `${registry.host}/apps/cache:main`;
  const args = [source, registry.builder, `${registry.host}/apps/a:1`];
  const first = await build(t, bench, [...args, '--cache-from', cache, '--cache-to', cache]);
  t.notMatch(first.told, /the cache/, 'a cache that is not there yet is no problem');

  const S2OCI_HOME = join(bench.directory, 'home-2');
  const elsewhere = [source, registry.builder, `${registry.host}/other/b:1`, '-n', 'x'];
  const second = await build(t, bench, [...elsewhere, '--cache-from', cache], { S2OCI_HOME });
  t.same(second.cache, { used: true, reason: `found in ${cache}` });
  t.equal(second.layers.at(-1)?.digest, first.layers.at(-1)?.digest);
  t.same(
    second.layers.map(({ outcome }) => outcome),
    second.layers.map(() => 'mounted'),
    'no layer goes through this machine',
  );
  t.same(second.transfer.pulled, 0);
  const ran = await bench.s2oci(['run', `${registry.host}/other/b:1`, '/bin/cat', '/app/a.txt']);
  t.equal(ran.stdout, 'a\n', ran.stderr);
  await bench.s2oci(['store', 'prune'], { env: { S2OCI_HOME } });
});

t.test('builds of the same at the same time are all right', async (t) => {
  await using registry = await openRegistry();
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const cache = `${registry.host}/apps/cache:main`;
  const target = (i: number) => `${registry.host}/apps/a${i}:1`;
  const builds = Array.from({ length: 4 }, (_, i) =>
    bench.s2oci(['build', source, registry.builder, target(i), '--cache-to', cache]),
  );
  for (const built of await Promise.all(builds)) succeed(t, built);
  const last = await build(t, bench, [source, registry.builder, target(9), '--cache-from', cache]);
  t.ok(last.cache.used);
  for (const i of [0, 1, 2, 3]) {
    const ran = await bench.s2oci(['run', target(i), '/bin/cat', '/app/a.txt']);
    t.equal(ran.stdout, 'a\n', ran.stderr);
  }
  t.same(await leftovers(bench.home), []);
});
