/** Where scripts come from and what is repaired on the way, as users type it (s2i reference 2.5, 2.8). */

import { chmod } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { builderImage } from '../support/images.ts';
import { lastLayerNames, readLayout, writeTree } from './s2i-support.ts';
import { openWorkbench, succeed } from './support.ts';

t.setTimeout(600_000);

const assemble = '#!/bin/sh\nset -e\ncp -R /tmp/src/. /app/\necho assembled by "$0"\n';
const runScript = '#!/bin/sh\necho ran "$0"\n';

t.test('D9 scripts of the source with CRLF and without execute bits are repaired', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', {
    '.s2i/bin/assemble': assemble.replaceAll('\n', '\r\n'),
    '.s2i/bin/run': runScript,
  });
  await chmod(join(source, '.s2i/bin/run'), 0o644);
  const built = await bench.s2oci(['build', source, builder, 'oci:out:1']);
  succeed(t, built);
  t.match(built.stderr, /assembled by \/tmp\/scripts\/assemble/);
  t.match(built.stderr, /\.s2i\/bin\/assemble has lines that end in CR LF/);
  t.match(built.stderr, /\.s2i\/bin\/run is not executable/);
  t.same((await readLayout(bench, 'out')).config.Cmd, ['/tmp/scripts/run'], 'Cmd points there');
  const ran = await bench.s2oci(['run', 'oci:out:1']);
  t.equal(ran.stdout, 'ran /tmp/scripts/run\n', ran.stderr);
});

t.test('D10 a directory in the place of an image script does not count', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', { 'file.txt': 'x' });
  const built = await bench.s2oci(['build', source, builder, 'oci:out:1', '-s', 'image:///usr']);
  t.equal(built.code, 8);
  t.match(built.stderr, /SCRIPT_NOT_FOUND/);
});

t.test('D9 scripts without a #! line are read by a shell', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', {
    '.s2i/bin/assemble': 'echo plain assemble\ncp -R /tmp/src/. /app/\n',
  });
  const built = await bench.s2oci(['build', source, builder, 'oci:out:1']);
  succeed(t, built);
  t.match(built.stderr, /plain assemble/);
});

t.test('D6 scripts come from a server; 404 falls back, other answers do not', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', { 'file.txt': 'x' });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/bin/assemble') response.end(assemble);
    else response.writeHead(request.url?.startsWith('/broken') ? 500 : 404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const built = await bench.s2oci(['build', source, builder, 'oci:out:1', '-s', `${address}/bin`]);
  succeed(t, built);
  t.match(built.stderr, /assembled by \/tmp\/scripts\/assemble/);
  t.ok(asked.includes('/bin/run'), 'every script was asked for');
  t.same((await readLayout(bench, 'out')).config.Cmd, ['/usr/libexec/s2i/run'], 'run of the image');

  const wrong = `${address}/bin#assemble=sha256:${'0'.repeat(64)}`;
  const mismatch = await bench.s2oci(['build', source, builder, 'oci:out:2', '-s', wrong]);
  t.equal(mismatch.code, 3, mismatch.stderr);
  t.match(mismatch.stderr, /DIGEST_MISMATCH/);
  const broken = await bench.s2oci([
    'build',
    source,
    builder,
    'oci:out:3',
    '-s',
    `${address}/broken`,
  ]);
  t.equal(broken.code, 4, broken.stderr);
});

t.test('G7 save-artifacts of this source works from the first incremental build on', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const plain = await writeTree(bench, 'plain', { 'file.txt': 'one' });
  succeed(t, await bench.s2oci(['build', plain, builder, 'oci:app:1']));
  const source = await writeTree(bench, 'source', {
    'file.txt': 'two',
    '.s2i/bin/save-artifacts': '#!/bin/sh\ncd /app && exec tar -c file.txt\n',
  });
  const built = await bench.s2oci(['build', source, builder, 'oci:app:1', '--incremental']);
  succeed(t, built);
  t.match(built.stderr, /artifacts of .*app:1/);
  t.match(built.stderr, /Restoring artifacts/);
});

t.test(
  'G3 G4 G6 G7 noise, failure and an empty stream give a clean build with its reason',
  async (t) => {
    await using bench = await openWorkbench();
    const { reference: builder } = await builderImage('busybox');
    const cases = {
      noise: ['#!/bin/sh\necho hello\ncd /app && tar -c .artifacts\n', /clean build: .*tar/i],
      failing: ['#!/bin/sh\ncd /app && tar -c .artifacts\nexit 3\n', /clean build: .*exit code 3/],
      empty: ['#!/bin/sh\nexit 0\n', /clean build: save-artifacts gave nothing/],
      traversal: [
        '#!/bin/sh\nmkdir -p /w/a && cd /w/a && echo x >../evil && exec tar -cP ../evil\n',
        /clean build: /,
      ],
    } as const;
    for (const [name, [script, reason]] of Object.entries(cases)) {
      const source = await writeTree(bench, `${name}-source`, {
        '.s2i/bin/save-artifacts': script,
      });
      succeed(t, await bench.s2oci(['build', source, builder, `oci:${name}:1`]));
      const again = await bench.s2oci(['build', source, builder, `oci:${name}:1`, '--incremental']);
      succeed(t, again);
      t.match(again.stderr, reason, name);
      t.notMatch(again.stderr, /Restoring artifacts/, `${name}: nothing is half restored`);
      t.notOk((await lastLayerNames(bench, name)).some((path) => path.startsWith('tmp/artifacts')));
    }
  },
);
