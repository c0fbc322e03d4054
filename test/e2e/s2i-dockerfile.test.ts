/** Builds written down as Dockerfiles (s2i reference 2.11), and built by buildah. */

import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { writeTree } from './s2i-support.ts';
import { openWorkbench, processesOf, succeed } from './support.ts';

t.setTimeout(600_000);

t.test('L1 L2 --as-dockerfile gives a context that buildah builds', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', {
    'file.txt': 'hello\n',
    'left/out': 'x',
    '.s2iignore': 'left\n',
    '.s2i/environment': 'A=1\n',
    '.s2i/bin/assemble': '#!/bin/sh\ncat secret/token && cp -R /tmp/src/. /app/\n',
  });
  await writeTree(bench, 'secrets', { token: 's3cret\n' });
  const args = ['build', source, builder, 'app:1', '--as-dockerfile', 'context/', '-e', 'B=2'];
  const written = await bench.s2oci([...args, '-i', 'secrets:secret']);
  succeed(t, written);
  t.equal(written.stdout, '');
  const context = join(bench.directory, 'context');
  const text = await readFile(join(context, 'Dockerfile'), 'utf8');
  t.match(text, /^FROM oci:/);
  t.match(text, /CMD \["\/usr\/libexec\/s2i\/run"\]/, 'exec form');
  const tree = await run('find', [context, '-type', 'f', '-printf', '%P\\n']);
  t.same(
    tree.stdout.split('\n').filter(Boolean).sort(),
    [
      'Dockerfile',
      `upload/injections${bench.directory}/secrets/token`,
      'upload/scripts/assemble',
      'upload/src/.s2i/environment',
      'upload/src/.s2iignore',
      'upload/src/file.txt',
    ].sort(),
  );

  const storage = ['--root', join(bench.directory, 'r'), '--runroot', join(bench.directory, 'rr')];
  const built = await run('buildah', [
    ...[...storage, '--storage-driver', 'vfs', 'bud', '--isolation', 'chroot', '-t', 'app'],
    ...['-f', join(context, 'Dockerfile'), context],
  ]);
  succeed(t, built);
  t.match(built.stdout, /s3cret/);
});

t.test('L5 what cannot be written is refused, and generate needs no source', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', { 'file.txt': 'hello\n' });
  const args = ['build', source, builder, 'app:1', '--as-dockerfile'];
  t.equal((await bench.s2oci([...args, 'source/Dockerfile'])).code, 2);
  t.equal((await bench.s2oci([...args, 'x/', '--run'])).code, 2);
  succeed(t, await bench.s2oci(['generate', builder, 'Dockerfile']));
  const text = await readFile(join(bench.directory, 'Dockerfile'), 'utf8');
  t.match(text, /RUN \/usr\/libexec\/s2i\/assemble/);
});

t.test('P4 --run runs what was built', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const start = '#!/bin/sh\necho it runs\n[ -z "$STAY" ] || exec sleep 1000\n';
  const source = await writeTree(bench, 'source', { start });
  const args = ['build', source, builder, 'oci:out:1', '--run'];
  const ran = await bench.s2oci(args);
  succeed(t, ran);
  t.match(ran.stdout, /sha256:[0-9a-f]{64}\nit runs\n$/);

  const stays = bench.start([...args, '-e', 'STAY=1']);
  stays.stderr?.resume();
  const ended = once(stays, 'exit');
  for await (const line of createInterface({ input: stays.stdout ?? process.stdin }))
    if (line === 'it runs') stays.kill('SIGINT');
  t.equal((await ended)[0], 130, 'Ctrl-C ends it');
  t.same(await processesOf(bench.home), [], 'and nothing stays');
});

t.test('P6 .s2ifile brings the last build back, without secrets', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', { 'file.txt': 'x' });
  const first = await bench.s2oci([
    ...['build', source, builder, 'app:1', '--use-config', '--as-dockerfile', 'context/'],
    ...['-e', 'PLAIN=1', '-e', 'API_TOKEN=s3cret'],
  ]);
  succeed(t, first);
  t.match(first.stderr, /looks like a secret: API_TOKEN/);
  const file = join(bench.directory, '.s2ifile');
  t.equal((await stat(file)).mode & 0o777, 0o600);
  t.notMatch(await readFile(file, 'utf8'), /s3cret/);
  succeed(t, await bench.s2oci(['build', '--use-config', '--as-dockerfile', 'again/']));
  const text = await readFile(join(bench.directory, 'again/Dockerfile'), 'utf8');
  t.match(text, /PLAIN="1"/);
  t.notMatch(text, /API_TOKEN/);
  const other = ['build', '--use-config', '-e', 'OTHER=1', '--as-dockerfile', 'other/'];
  succeed(t, await bench.s2oci(other));
  const replaced = await readFile(join(bench.directory, 'other/Dockerfile'), 'utf8');
  t.match(replaced, /OTHER="1"/);
  t.notMatch(replaced, /PLAIN/, 'a given -e replaces them all [G]');
  t.equal((await bench.s2oci(['build', source, builder])).code, 2, 'nothing is missing in silence');
});
