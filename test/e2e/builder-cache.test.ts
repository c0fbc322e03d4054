/** The build cache under `s2oci builder build`, here and in a registry. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { pushBuilder } from '../support/images.ts';
import { leftovers, openWorkbench, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

interface Result {
  readonly digest: string;
  readonly steps: readonly { readonly instruction: string; readonly outcome: string }[];
  readonly layers: readonly { readonly outcome: string }[];
  readonly transfer: { readonly pulled: number; readonly pushed: number };
}

async function makeContext(bench: Workbench, base: string): Promise<string> {
  const context = join(bench.directory, 'context');
  await mkdir(join(context, 'src'), { recursive: true });
  const dockerfile = [
    `FROM ${base} AS made`,
    'RUN cat /proc/sys/kernel/random/uuid > /made',
    `FROM ${base}`,
    'ARG MODE=a',
    'RUN echo $MODE > /mode && cat /proc/sys/kernel/random/uuid > /id',
    'COPY src /src',
    'COPY --from=made /made /made',
    'RUN cp -r /src /copied',
    'LABEL made=here',
  ];
  await writeFile(join(context, 'Dockerfile'), `${dockerfile.join('\n')}\n`);
  await writeFile(join(context, 'src/a.txt'), 'a\n');
  await writeFile(join(context, 'src/b.txt'), 'b\n');
  return context;
}

async function build(
  t: Test,
  bench: Workbench,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Result & { readonly told: string; readonly ran: readonly string[] }> {
  const file = join(bench.directory, 'result.json');
  const built = await bench.s2oci(['builder', 'build', ...args, '--metadata-file', file], { env });
  succeed(t, built);
  const result: Result = JSON.parse(await readFile(file, 'utf8'));
  const ran = result.steps.filter(({ outcome }) => outcome === 'run');
  return { ...result, told: built.stderr, ran: ran.map(({ instruction }) => instruction) };
}

for (const kind of ['with-subuids', 'without-subuids'] as const) {
  t.test(`${kind}: only what changed is built, and the reason is told`, async (t) => {
    await using registry = await startDockerRegistry();
    const base = `${registry.host}/builders/busybox:1`;
    await pushBuilder('busybox', base);
    await using bench = await openWorkbench(kind);
    const context = await makeContext(bench, base);
    const image = `${registry.host}/builders/mine:1`;
    const args = [context, '-t', image, '--explain'];
    const first = await build(t, bench, args);
    t.equal(first.ran.length, 5);

    await registry.settle();
    const before = registry.requests.length;
    const second = await build(t, bench, args);
    t.same(second.ran, []);
    t.equal(second.digest, first.digest);
    await registry.settle();
    const requests = registry.requests.slice(before);
    t.ok(requests.every(({ method }) => method === 'GET' || method === 'HEAD'));
    t.ok(requests.length <= 6, `${requests.length} requests`);

    await writeFile(join(context, 'src/a.txt'), 'changed\n');
    const edited = await build(t, bench, args);
    t.same(edited.ran.toSorted(), [
      'COPY --from=made /made /made',
      'COPY src /src',
      'RUN cp -r /src /copied',
    ]);
    t.match(edited.told, /not cached: file src\/a\.txt changed\n/);

    const argued = await build(t, bench, [...args, '--build-arg', 'MODE=b']);
    t.match(argued.told, /not cached: variable MODE changed\n/);
    t.notOk(argued.ran.some((instruction) => instruction.includes('> /made')));
    t.equal((await build(t, bench, [...args, '--no-cache'])).ran.length, 5);
    t.same(await leftovers(bench.home), []);
  });
}

t.test('a cache in a registry serves a machine that has nothing', async (t) => {
  await using registry = await startDockerRegistry();
  const base = `${registry.host}/builders/busybox:1`;
  await pushBuilder('busybox', base);
  await using bench = await openWorkbench();
  const context = await makeContext(bench, base);
  const cache = `${registry.host}/builders/cache:main`;
  const image = `${registry.host}/builders/mine:1`;
  const first = await build(t, bench, [context, '-t', image, '--cache-to', cache]);
  const S2OCI_HOME = join(bench.directory, 'home-2');
  const elsewhere = [context, '-t', `${registry.host}/other/mine:1`, '--cache-from', cache];
  await writeFile(join(context, 'Dockerfile'), 'LABEL more=1\n', { flag: 'a' });
  const second = await build(t, bench, elsewhere, { S2OCI_HOME });
  t.same(second.ran, []);
  t.not(second.digest, first.digest);
  t.ok(second.layers.every(({ outcome }) => outcome === 'mounted'));
  await bench.s2oci(['store', 'prune'], { env: { S2OCI_HOME } });
});

t.test('eight builds of the same at the same time are all right', async (t) => {
  await using registry = await startDockerRegistry();
  const base = `${registry.host}/builders/busybox:1`;
  await pushBuilder('busybox', base);
  await using bench = await openWorkbench();
  const context = await makeContext(bench, base);
  const target = (i: number) => `${registry.host}/builders/mine${i}:1`;
  const cache = `${registry.host}/builders/cache:main`;
  const numbers = Array.from({ length: 8 }, (_, i) => i);
  const builds = await Promise.all(
    numbers.map((i) =>
      bench.s2oci(['builder', 'build', context, '-t', target(i), '--cache-to', cache]),
    ),
  );
  for (const built of builds) succeed(t, built);
  for (const i of numbers) {
    const ran = await bench.s2oci(['run', target(i), '/bin/cat', '/copied/a.txt', '/mode']);
    t.equal(ran.stdout, 'a\na\n', ran.stderr);
  }
  // Each step of the last one standing may be of another of the eight, so a combination of them may be new, once.
  const after = [context, '-t', target(9), '--cache-from', cache];
  t.notOk((await build(t, bench, after)).ran.some((step) => step.startsWith('RUN cat')));
  t.same((await build(t, bench, after)).ran, []);
  t.same(await leftovers(bench.home), []);
});
