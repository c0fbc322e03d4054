/** L06: 32 builds at once, each a process of its own, over one store and two builder images. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { pushBuilder } from '../support/images.ts';
import {
  leftovers,
  mountsOf,
  openWorkbench,
  processesOf,
  succeed,
  type Workbench,
} from './support.ts';

t.setTimeout(900_000);

const builders = ['busybox', 'node'] as const;
const builds = 32;
/** Builds of one source by one builder must agree with one another. */
const sources = 4;
const assemble = '#!/bin/sh\nset -e\ncp -R /tmp/src/. "$HOME"/\necho built > "$HOME/result"\n';

async function makeSource(bench: Workbench, name: string): Promise<string> {
  const source = join(bench.directory, name);
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  await writeFile(join(source, '.s2i/bin/assemble'), assemble, { mode: 0o755 });
  await writeFile(join(source, 'name.txt'), `${name}\n`);
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
  return source;
}

/** How often each layer of the builder images was sent. Configs, a kilobyte each, are read by every build. */
async function downloads({ host, requests }: DockerRegistry): Promise<readonly number[]> {
  const counts = new Map<string, number>();
  for (const name of builders) {
    const reference = `docker://${host}/builders/${name}:1`;
    const { stdout } = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', reference]);
    const { layers } = JSON.parse(stdout) as { layers: readonly { digest: string }[] };
    for (const { digest } of layers) counts.set(digest, 0);
  }
  for (const { method, path, status } of requests) {
    const digest = /\/v2\/builders\/\w+\/blobs\/(sha256:[0-9a-f]{64})/.exec(path)?.[1];
    if (method !== 'GET' || status >= 300 || digest === undefined) continue;
    const count = counts.get(digest);
    if (count !== undefined) counts.set(digest, count + 1);
  }
  return [...counts.values()];
}

t.test('32 builds at once agree, and every layer is downloaded once', async (t) => {
  await using registry = await startDockerRegistry();
  for (const name of builders) await pushBuilder(name, `${registry.host}/builders/${name}:1`);
  await using bench = await openWorkbench();
  const paths: string[] = [];
  for (let i = 0; i < sources; i += 1) paths.push(await makeSource(bench, `source-${i}`));

  const build = async (i: number, env: Record<string, string> = {}) => {
    const builder = builders[i % 2] ?? 'busybox';
    const which = Math.floor(i / 2) % sources;
    const file = join(
      bench.directory,
      `digest-${i}${env['S2OCI_HOME'] === undefined ? '' : '-alone'}`,
    );
    const [from, to] = [
      `${registry.host}/builders/${builder}:1`,
      `${registry.host}/apps/app-${i}:1`,
    ];
    const args = [
      'build',
      paths[which] ?? '',
      from,
      to,
      '--digest-file',
      file,
      '-n',
      'app',
      '-e',
      'HOME=/tmp/app',
    ];
    const result = await bench.s2oci(args, { env });
    return {
      kind: `${builder} ${which}`,
      result,
      digest: await readFile(file, 'utf8').catch(() => ''),
    };
  };

  const all = await Promise.all(Array.from({ length: builds }, (_, i) => build(i)));
  for (const { result } of all) succeed(t, result);
  const digests = Map.groupBy(all, ({ kind }) => kind);
  t.equal(digests.size, 2 * sources);
  for (const [kind, same] of digests)
    t.equal(new Set(same.map(({ digest }) => digest)).size, 1, `${kind}: one digest`);
  t.equal(new Set(all.map(({ digest }) => digest)).size, 2 * sources, 'others are others');

  await registry.settle();
  const counts = await downloads(registry);
  t.ok(counts.length > 5);
  t.same(new Set(counts), new Set([1]), 'every layer was downloaded once');
  t.same(await leftovers(bench.home), []);
  t.same([...(await processesOf(bench.home)), ...(await mountsOf(bench.home))], []);
  succeed(t, await bench.s2oci(['store', 'verify']));

  for (const i of builders.keys()) {
    const alone = await build(i, { S2OCI_HOME: join(bench.directory, `alone-${i}`) });
    succeed(t, alone.result);
    t.equal(alone.digest, all[i]?.digest, 'a build that is alone gives the same');
  }
});
