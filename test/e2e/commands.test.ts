/** Every command as a user types it: what it prints where, and what it ends with. */

import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { leftovers, openWorkbench, processesOf, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

async function makeSource(bench: Workbench): Promise<string> {
  const source = join(bench.directory, 'source');
  await mkdir(source);
  await writeFile(join(source, 'hello.txt'), 'hello\n');
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
  return source;
}

t.test('the embedded registry serves builds and other tools, and ends on SIGTERM', async (t) => {
  await using bench = await openWorkbench();
  const server = bench.start(['registry', 'serve', '--port', '0', 'registry']);
  server.stderr?.resume();
  const [host] = (await once(
    createInterface({ input: server.stdout ?? process.stdin }),
    'line',
  )) as [string];
  t.match(host, /^127\.0\.0\.1:\d+$/);
  const { reference: builder } = await builderImage('busybox');
  succeed(t, await bench.s2oci(['copy', builder, `${host}/builders/busybox:1`]));
  const source = await makeSource(bench);
  const built = await bench.s2oci([
    'build',
    source,
    `${host}/builders/busybox:1`,
    `${host}/apps/hello:1`,
  ]);
  succeed(t, built);
  const skopeo = await run('skopeo', [
    'inspect',
    '--tls-verify=false',
    `docker://${host}/apps/hello:1`,
  ]);
  succeed(t, skopeo);
  t.equal(JSON.parse(skopeo.stdout).Digest, built.stdout.trim().split('@')[1]);

  const raw = await bench.s2oci(['inspect', '--raw', `${host}/apps/hello:1`]);
  t.equal(JSON.parse(raw.stdout).schemaVersion, 2);
  const config = await bench.s2oci(['inspect', '--config', `${host}/apps/hello:1`]);
  t.equal(JSON.parse(config.stdout).os, 'linux');
  const summary = JSON.parse((await bench.s2oci(['inspect', `${host}/apps/hello:1`])).stdout);
  t.equal(summary.digest, built.stdout.trim().split('@')[1]);
  t.equal(summary.layers.length, 3);

  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  const [code] = await ended;
  t.equal(code, 143);
});

t.test('results go to the files and in the form that were asked for', async (t) => {
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const { reference: builder } = await builderImage('busybox');
  const files = ['--metadata-file', 'result.json', '--digest-file', 'digest', '--iidfile', 'iid'];
  const built = await bench.s2oci([
    'build',
    source,
    builder,
    'oci:layout:1',
    '--progress',
    'jsonl',
    ...files,
  ]);
  succeed(t, built);
  for (const line of built.stderr.trim().split('\n')) t.doesNotThrow(() => JSON.parse(line), line);
  const result = JSON.parse(await readFile(join(bench.directory, 'result.json'), 'utf8'));
  t.equal(result.digest, await readFile(join(bench.directory, 'digest'), 'utf8'));
  t.equal(result.imageId, await readFile(join(bench.directory, 'iid'), 'utf8'));
  t.same(result.phases.map(({ phase }: { phase: string }) => phase).toSorted(), [
    'assemble',
    'capture',
    'compose',
    'fetch',
    'publish',
    'resolve',
    'source',
    'unpack',
  ]);
  const quiet = await bench.s2oci(['build', source, builder, 'oci:layout:1', '--quiet']);
  t.equal(quiet.stderr, '');
  t.equal(quiet.stdout, built.stdout, 'the same source gives the same image');
});

t.test('the store can be looked at, checked and emptied', async (t) => {
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const { reference: builder } = await builderImage('busybox');
  succeed(t, await bench.s2oci(['build', source, builder, 'oci:layout:1']));
  t.equal((await bench.s2oci(['store', 'path'])).stdout.trim(), bench.home);
  const usage = JSON.parse((await bench.s2oci(['store', 'df', '--json'])).stdout);
  t.ok(usage.blobs.count > 0 && usage.rootfs.count === 1);
  succeed(t, await bench.s2oci(['store', 'verify']));
  succeed(t, await bench.s2oci(['store', 'prune']));
  const after = JSON.parse((await bench.s2oci(['store', 'df', '--json'])).stdout);
  t.equal(after.blobs.count + after.rootfs.count, 0, 'files of subordinate ids are removed too');
  t.same(await leftovers(bench.home), []);
});

t.test('doctor names the way a build would take', async (t) => {
  await using bench = await openWorkbench();
  const report = await bench.s2oci(['doctor', '--json']);
  succeed(t, report);
  const { chain } = JSON.parse(report.stdout);
  t.equal(chain.mapping, 'subuid');
  const { reference: builder } = await builderImage('busybox');
  const source = await makeSource(bench);
  succeed(
    t,
    await bench.s2oci(['build', source, builder, 'oci:layout:1', '--metadata-file', 'm.json']),
  );
  const result = JSON.parse(await readFile(join(bench.directory, 'm.json'), 'utf8'));
  t.equal(result.executor, chain.executor);
  t.equal(result.isolation, chain.isolation);
});

t.test('run gives the exit code of the process and keeps nothing it wrote', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const script = 'echo out; echo err >&2; echo x > /file; exit 7';
  const failed = await bench.s2oci(['run', builder, '/bin/sh', '-c', script]);
  t.equal(failed.code, 7);
  t.equal(failed.stdout, 'out\n');
  const again = await bench.s2oci(['run', builder, '--', '/bin/ls', '/file']);
  t.not(again.code, 0, 'nothing stays');
  t.same(await processesOf(bench.home), []);

  const random = await bench.s2oci(['run', '-u', '1000650000:0', builder, 'id', '-u']);
  t.equal(random.stdout, '1000650000\n', `beyond the subordinate ids ${random.stderr}`);
  const others = ['-v', '--env=B', '--quiet=true', '--', '--help'];
  const echo = ['/bin/sh', '-c', 'echo "$A $*"', 'name', ...others];
  for (const dashes of [[], ['--']]) {
    const told = await bench.s2oci(['run', '-v', '-e', 'A=1', builder, ...dashes, ...echo]);
    t.equal(told.stdout, `1 ${others.join(' ')}\n`, `what follows is the command's ${told.stderr}`);
  }
});

t.test('N1 N3 mistakes end with their exit codes, a reason and advice', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await makeSource(bench);
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['build', source, builder], 2, /USAGE_INVALID.*a source, a builder image and a tag/],
    [['build', source, builder, 'oci:x:1', '--no-such-flag'], 2, /USAGE_INVALID/],
    [['no-such-command'], 2, /USAGE_INVALID/],
    [['build', source, 'example.com/UPPER', 'oci:x:1'], 2, /REFERENCE_INVALID/],
    [
      ['build', join(source, 'missing'), builder, 'oci:x:1'],
      4,
      /error in source .SOURCE_NOT_FOUND/,
    ],
    [['build', source, builder, 'my-app'], 2, /REFERENCE_INVALID.*my-app has no registry/],
    [['build', source, '127.0.0.1:1/none:1', 'oci:x:1'], 5, /REGISTRY_UNAVAILABLE/],
    [['build', source, 'oci:./nowhere:1', 'oci:x:1'], 7, /IMAGE_NOT_FOUND/],
    [
      ['build', source, builder, 'oci:x:1', '--executor', 'crun', '--min-isolation', 'A'],
      10,
      /RUNTIME_UNAVAILABLE/,
    ],
    [['build', source, builder, 'oci:x:1', '-u', '1-'], 8, /USER_NOT_ALLOWED/],
    [['completion', 'tcsh'], 2, /USAGE_INVALID/],
  ];
  for (const [args, code, message] of cases) {
    const result = await bench.s2oci(args);
    t.equal(result.code, code, `${args.join(' ')}: ${result.stderr}`);
    t.match(result.stderr, message);
    t.equal(result.stdout, '');
    t.notMatch(result.stderr, /\n\s+at /, 'no stack trace');
  }
  t.same(await leftovers(bench.home), []);
});

t.test('P4 P5 help shows examples everywhere, completions are printed', async (t) => {
  await using bench = await openWorkbench();
  const overview = await bench.s2oci(['--help']);
  t.equal(overview.code, 0);
  const names = [...overview.stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => String(name));
  t.ok(names.includes('build') && names.includes('doctor'));
  for (const name of ['build', 'run', 'usage', 'inspect', 'copy', 'doctor', 'completion']) {
    const help = await bench.s2oci([name, '--help']);
    t.equal(help.code, 0);
    t.match(help.stdout, /Examples:\n {2}\$ /, name);
  }
  for (const shell of ['bash', 'zsh', 'fish'])
    t.match((await bench.s2oci(['completion', shell])).stdout, /build/);
  t.match((await bench.s2oci(['version'])).stdout, /^s2oci \d+\.\d+\.\d+\n$/);
});
