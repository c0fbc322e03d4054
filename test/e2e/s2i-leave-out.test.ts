/** What of the build's own files ends up in the image (issue 6, 9; s2i reference 0, row 3). */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { builderImage } from '../support/images.ts';
import { lastLayerNames, writeTree } from './s2i-support.ts';
import { openWorkbench, succeed } from './support.ts';

t.setTimeout(600_000);

t.test('F7 source and scripts that nothing refers to stay out, and it is said', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const source = await writeTree(bench, 'source', {
    'big.bin': 'x'.repeat(2_000_000),
    '.s2i/bin/save-artifacts': '#!/bin/sh\nexec tar -c -C /app big.bin\n',
  });
  const metadata = join(bench.directory, 'metadata.json');
  const args = ['build', source, builder, 'oci:out:1', '--metadata-file', metadata];
  const built = await bench.s2oci(args);
  succeed(t, built);
  t.match(built.stderr, /left out of the image[^\n]*: \/tmp\/src \(1 files, 2\.0 MB\)/);
  const names = await lastLayerNames(bench, 'out');
  t.ok(names.includes('app/big.bin'));
  t.notOk(
    names.some((name) => name.startsWith('tmp/')),
    names.join(' '),
  );
  const { leftOut } = JSON.parse(await readFile(metadata, 'utf8'));
  t.match(leftOut, [{ path: '/tmp/src' }, { path: '/tmp/scripts' }]);

  succeed(t, await bench.s2oci([...args, '--keep-source']));
  const kept = await lastLayerNames(bench, 'out');
  t.ok(kept.includes('tmp/src/big.bin'));
  t.notOk(kept.includes('tmp/scripts/save-artifacts'));

  succeed(t, await bench.s2oci([...args, '--compat', '--incremental']));
  const all = await lastLayerNames(bench, 'out');
  for (const name of ['tmp/src/big.bin', 'tmp/scripts/save-artifacts', 'tmp/artifacts/big.bin'])
    t.ok(all.includes(name), name);
});

t.test('F7 whatever refers to the source keeps it', async (t) => {
  await using bench = await openWorkbench();
  const { reference: builder } = await builderImage('busybox');
  const cases = {
    link: { '.s2i/bin/assemble': '#!/bin/sh\nln -s ../tmp/src/file.txt /app/link\n' },
    python: { '.s2i/bin/assemble': '#!/bin/sh\necho /tmp/src/lib > /app/editable.pth\n' },
    script: { '.s2i/bin/run': '#!/bin/sh\nexec cat /tmp/src/file.txt\n' },
    variable: { '.s2i/environment': 'APP_HOME=/tmp/src\n' },
  };
  for (const [name, files] of Object.entries(cases)) {
    const source = await writeTree(bench, `${name}-source`, { 'file.txt': 'x', ...files });
    succeed(t, await bench.s2oci(['build', source, builder, `oci:${name}:1`]));
    t.ok((await lastLayerNames(bench, name)).includes('tmp/src/file.txt'), name);
  }
});
