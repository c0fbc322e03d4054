/** Flags and commands of source-to-image as its users type them (s2i reference 1.2 to 1.4, 2.4, 2.12). */

import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { builderImage } from '../support/images.ts';
import { lastLayerNames, readLayout, writeTree } from './s2i-support.ts';
import { openWorkbench, program, succeed } from './support.ts';

t.setTimeout(600_000);

const lookAround = `#!/bin/sh
set -e
cat /run/secrets/app/token /app/conf/extra/one /app/conf/two
/app/conf/tool
touch /app/assembled
`;

t.test('H1 H2 H3 H4 H5 injected files are there for assemble and in no layer', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', { '.s2i/bin/assemble': lookAround });
  await writeTree(bench, 'secrets', { token: 's3cret\n' });
  await writeTree(bench, 'conf', {
    'extra/one': '1\n',
    two: '2\n',
    tool: '#!/bin/sh\necho tool runs\n',
  });
  const built = await bench.s2oci([
    ...['build', source, builder, 'oci:out:1', '--compat'],
    ...['-i', 'secrets:/run/secrets/app', '--inject', 'conf:conf'],
  ]);
  succeed(t, built);
  for (const text of [/s3cret/, /tool runs/]) t.match(built.stderr, text);
  const names = await lastLayerNames(bench, 'out');
  t.ok(names.includes('app/assembled'));
  t.notOk(
    names.some((name) => /secrets|conf/.test(name)),
    names.join(' '),
  );
  const missing = await bench.s2oci(['build', source, builder, 'oci:out:1', '-i', 'nothing:/x']);
  t.equal(missing.code, 2, missing.stderr);
});

t.test('C2 C3 .s2i/environment, -e and -E in this order, each name once', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', {
    '.s2i/environment': 'A=file\nB=file\nC=file\nQ="quoted"\r\n',
  });
  await writeTree(bench, 'more', { env: '// comment\nC=environment file\nno line\n' });
  const args = ['build', source, builder, 'oci:out:1', '-e', 'B=flag', '-e', 'C=flag'];
  const built = await bench.s2oci([...args, '-E', 'more/env']);
  succeed(t, built);
  t.match(built.stderr, /more\/env, line 3 is skipped/);
  const { Env } = (await readLayout(bench, 'out')).config as { Env: string[] };
  for (const entry of ['A=file', 'B=flag', 'C=environment file', 'Q="quoted"'])
    t.ok(Env.includes(entry), entry);
  t.equal(Env.filter((entry) => entry.startsWith('C=')).length, 1);
  const unreadable = await bench.s2oci([...args, '-E', 'nothing']);
  t.equal(unreadable.code, 2);
});

t.test('K1 K2 K3 a server is told how the build ended, with the digest', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const bodies: string[] = [];
  let refuseNext = true;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    bodies.push(body);
    if (refuseNext) request.socket.destroy();
    else response.writeHead(500).end();
    refuseNext = false;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/done`;
  const source = await writeTree(bench, 'source', { file: 'x' });
  const args = ['build', source, builder, 'oci:out:1', '--callback-url', url];
  const built = await bench.s2oci(args);
  succeed(t, built);
  t.equal(bodies.length, 2, 'a broken connection is tried again');
  t.equal(bodies[0], bodies[1], 'with the whole body');
  const { success, digest, labels } = JSON.parse(bodies[1] ?? '');
  t.ok(success);
  t.ok(built.stdout.includes(digest));
  t.equal(labels['io.openshift.s2i.build.source-location'], source);

  const broken = await writeTree(bench, 'broken', { '.s2i/bin/assemble': '#!/bin/sh\nexit 4\n' });
  t.equal((await bench.s2oci(['build', broken, ...args.slice(2)])).code, 9);
  t.equal(bodies.at(-1), '{"success":false}\n');
});

t.test('P4 through a link named s2i, with the flags that its users give', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', {
    '.s2i/bin/assemble': '#!/bin/sh\ncat /mounted/file\n',
  });
  const data = await writeTree(bench, 'data', { file: 'from the volume\n' });
  const link = join(bench.directory, 's2i');
  await symlink(program, link);
  const s2i = (...args: string[]) => bench.run(process.execPath, [link, ...args]);
  const built = await s2i(
    ...['--loglevel=1', 'build', source, builder, 'oci:out:1', '-v', `${data}:/mounted`, '-v'],
    ...['--copy=false', '--incremental=true', '--pull-policy', 'if-not-present', '--rm'],
    ...['--location', '/opt/build', '--save-temp-dir', '-q=false'],
  );
  succeed(t, built);
  t.match(built.stderr, /from the volume/);
  t.match(built.stderr, /--location is an old spelling of --destination/);
  for (const flag of ['--rm', '--save-temp-dir', '--pull-policy']) t.match(built.stderr, flag);
  const never = await s2i('build', source, builder, 'oci:out:1', '--pull-policy=never');
  t.equal(never.code, 2);
  const daemon = await s2i('-U', 'tcp://127.0.0.1:1', 'build', source, builder, 'oci:out:1');
  t.equal(daemon.code, 2);
  t.match(daemon.stderr, /--url names a Docker daemon/);
});

t.test('P1 create writes a builder that is left alone the second time', async (t) => {
  await using bench = await openWorkbench();
  succeed(t, await bench.s2oci(['create', 'my-builder', 'made']));
  const assemble = join(bench.directory, 'made/s2i/bin/assemble');
  t.equal((await stat(assemble)).mode & 0o777, 0o755);
  await writeFile(assemble, 'mine');
  const again = await bench.s2oci(['create', 'my-builder', 'made']);
  succeed(t, again);
  t.match(again.stderr, /kept s2i\/bin\/assemble/);
  t.equal(await readFile(assemble, 'utf8'), 'mine');
});

t.test('P3 rebuild builds the commit that the labels name', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', { 'file.txt': 'committed' });
  const git = (...args: string[]) =>
    bench.run('git', ['-C', source, '-c', 'user.name=n', '-c', 'user.email=e@x', ...args]);
  for (const args of [
    ['init', '-q'],
    ['add', '.'],
    ['commit', '-qm', 'one'],
  ])
    succeed(t, await git(...args));
  const built = await bench.s2oci(['build', source, builder, 'oci:out:1', '--git-head']);
  succeed(t, built);
  await writeFile(join(source, 'file.txt'), 'changed since');
  succeed(t, await git('commit', '-qam', 'two'));
  const again = await bench.s2oci(['rebuild', 'oci:out:1', 'oci:again:1']);
  succeed(t, again);
  const ran = await bench.s2oci(['run', 'oci:again:1', '/bin/cat', '/app/file.txt']);
  t.equal(ran.stdout, 'committed', ran.stderr);
  await writeTree(bench, 'plain', { 'file.txt': 'x' });
  succeed(t, await bench.s2oci(['build', 'plain', builder, 'oci:copied:1']));
  succeed(t, await bench.s2oci(['rebuild', 'oci:copied:1']));
  const { Labels } = (await readLayout(bench, 'copied')).config;
  t.equal(Labels['io.openshift.s2i.build.source-location'], 'plain', 'a relative path [G]');
});
