/** The main job as an unprivileged user types it, against real registries and real builder images. */

import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { builderImage, pushBuilder } from '../support/images.ts';
import { leftovers, openWorkbench, processesOf, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

/** A source without dependencies from outside, so that these tests need no package registry. */
async function makeSource(
  bench: Workbench,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const source = join(bench.directory, 'source');
  const all = {
    'hello.txt': 'hello\n',
    'lib/deep/file.txt': 'deep\n',
    '.s2i/environment': '# comment\nGREETING=hi\n',
    ...files,
  };
  for (const [name, content] of Object.entries(all)) {
    await mkdir(join(source, name, '..'), { recursive: true });
    await writeFile(join(source, name), content);
  }
  await symlink('hello.txt', join(source, 'link')).catch(() => {});
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
  return source;
}

interface ImageConfig {
  readonly config: {
    readonly Cmd: string[];
    readonly Env: string[];
    readonly User?: string;
    readonly Labels: Record<string, string>;
  };
  readonly rootfs: { readonly diff_ids: string[] };
  readonly history: readonly { readonly empty_layer?: boolean }[];
}

async function inspectConfig(reference: string): Promise<ImageConfig> {
  const { stdout } = await run('skopeo', [
    'inspect',
    '--config',
    '--tls-verify=false',
    `docker://${reference}`,
  ]);
  return JSON.parse(stdout) as ImageConfig;
}

t.test('a source becomes an image in a registry', async (t) => {
  await using registry = await startDockerRegistry();
  await pushBuilder('busybox', `${registry.host}/builders/busybox:1`);
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const image = `${registry.host}/apps/hello:1`;
  const metadata = join(bench.directory, 'result.json');
  const args = [
    'build',
    source,
    `${registry.host}/builders/busybox:1`,
    image,
    '--metadata-file',
    metadata,
    '-e',
    'EXTRA=1',
  ];

  const first = await bench.s2oci(args);
  succeed(t, first);
  t.match(
    first.stdout,
    new RegExp(`^${image.replaceAll('.', '\\.')}@sha256:[0-9a-f]{64}\n$`),
    'standard output is the reference alone',
  );

  const result = JSON.parse(await readFile(metadata, 'utf8'));
  t.equal(`${result.image}\n`, first.stdout);
  t.equal(result.layers.at(-1).origin, 'build');
  t.ok(
    result.layers.slice(0, -1).every(({ outcome }: { outcome: string }) => outcome === 'mounted'),
    'builder layers are mounted, not sent',
  );

  const config = await inspectConfig(image);
  t.same(config.config.Cmd, ['/usr/libexec/s2i/run']);
  t.ok(config.config.Env.includes('GREETING=hi') && config.config.Env.includes('EXTRA=1'));
  t.equal(
    config.config.Labels['io.openshift.s2i.build.image'],
    `${registry.host}/builders/busybox:1`,
  );
  const told = config.history.filter(({ empty_layer }) => empty_layer !== true);
  t.equal(told.length, config.rootfs.diff_ids.length, 'history and layers agree');

  t.same(await leftovers(bench.home), []);
  t.same(await processesOf(bench.home), []);
});

t.test('a builder that runs as 1001:0 gives an image of that user', async (t) => {
  await using registry = await startDockerRegistry();
  await pushBuilder('node', `${registry.host}/builders/node:1`);
  await using bench = await openWorkbench();
  const source = await makeSource(bench, {
    'package.json': '{"name":"app","version":"1.0.0","scripts":{"start":"node server.js"}}',
    'server.js': 'console.log("started");\n',
  });
  const image = `${registry.host}/apps/node:1`;
  const built = await bench.s2oci(['build', source, `${registry.host}/builders/node:1`, image]);
  succeed(t, built);
  t.equal((await inspectConfig(image)).config.User, '1001');
  const ran = await bench.s2oci(['run', image]);
  succeed(t, ran);
  t.match(ran.stdout, /started/);
});

t.test('the transports of layouts and archives work at both ends', async (t) => {
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const { reference: builder } = await builderImage('busybox');
  const digests = new Set<string>();
  for (const target of [
    'oci:layout:1',
    'oci-archive:image.tar',
    'docker-archive:docker.tar:example.com/app:1',
  ]) {
    const iid = join(bench.directory, 'iid');
    const built = await bench.s2oci([
      'build',
      source,
      builder,
      target,
      '--iidfile',
      iid,
      '-n',
      'app',
    ]);
    succeed(t, built);
    const ran = await bench.s2oci(['run', target, '/bin/cat', '/app/hello.txt']);
    t.equal(ran.stdout, 'hello\n', `${target} runs: ${ran.stderr}`);
    digests.add(await readFile(iid, 'utf8'));
  }
  t.ok(digests.size >= 1);
});

t.test('a tar stream on standard input is a source', async (t) => {
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const { reference: builder } = await builderImage('busybox');
  const { code, stderr } = await bench.run('sh', [
    '-c',
    'tar -C "$1" -c . | "$2" "$3" build - "$4" oci:layout:1',
    'sh',
    source,
    process.execPath,
    new URL('../../dist/program/main.js', import.meta.url).pathname,
    builder,
  ]);
  succeed(t, { code, stderr });
});

t.test(
  'N2 a failing assemble ends with its own exit code in the message and moves no tag',
  async (t) => {
    await using registry = await startDockerRegistry();
    await pushBuilder('busybox', `${registry.host}/builders/busybox:1`);
    await using bench = await openWorkbench();
    const source = await makeSource(bench, {
      '.s2i/bin/assemble': '#!/bin/sh\necho it went wrong >&2\nexit 42\n',
    });
    const built = await bench.s2oci([
      'build',
      source,
      `${registry.host}/builders/busybox:1`,
      `${registry.host}/apps/broken:1`,
    ]);
    t.equal(built.code, 9);
    t.equal(built.stdout, '');
    t.match(built.stderr, /it went wrong/);
    t.match(built.stderr, /ASSEMBLE_FAILED[^\n]*42/);
    const tags = await run('skopeo', [
      'inspect',
      '--tls-verify=false',
      `docker://${registry.host}/apps/broken:1`,
    ]);
    t.not(tags.code, 0, 'nothing was published');
    t.same(await leftovers(bench.home), []);
  },
);

t.test('an incremental build restores artifacts of the previous image', async (t) => {
  await using registry = await startDockerRegistry();
  await pushBuilder('busybox', `${registry.host}/builders/busybox:1`);
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const args = [
    'build',
    source,
    `${registry.host}/builders/busybox:1`,
    `${registry.host}/apps/inc:1`,
    '--incremental',
  ];
  const first = await bench.s2oci(args);
  succeed(t, first);
  t.match(first.stderr, /no previous image/);
  const second = await bench.s2oci([...args, '--no-cache']);
  succeed(t, second);
  t.match(second.stderr, /Restoring artifacts/);
});

t.test('P2 usage prints the usage text on standard output', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const usage = await bench.s2oci(['usage', builder]);
  succeed(t, usage);
  t.not(usage.stdout.trim(), '');
  t.same(await leftovers(bench.home), []);
});

t.test('everything works for a user without subordinate ids', async (t) => {
  await using bench = await openWorkbench('without-subuids');
  const source = await makeSource(bench);
  const { reference: builder } = await builderImage('busybox');
  const built = await bench.s2oci(['build', source, builder, 'oci:layout:1']);
  succeed(t, built);
  const ran = await bench.s2oci(['run', 'oci:layout:1', '/bin/cat', '/app/hello.txt']);
  t.equal(ran.stdout, 'hello\n', ran.stderr);
});
