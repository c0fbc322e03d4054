/** The same build through every executor and storage gives the same layer, as every kind of user. */

import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { builderImage } from '../support/images.ts';
import { openWorkbench, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

const assemble = `#!/bin/bash
set -e
cp -R /tmp/src/. ./
mkdir -p made/sub
echo content > made/file
ln made/file made/hardlink
ln -s ../file made/sub/symlink
chmod 2750 made/sub
chmod 0640 made/file
rm -rf /usr/share/doc/apt
rm -f /etc/debian_version
printf 'x' >> /etc/motd || true
`;

async function makeSource(bench: Workbench): Promise<string> {
  const source = join(bench.directory, 'source');
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  await writeFile(join(source, '.s2i/bin/assemble'), assemble);
  await writeFile(join(source, 'app.js'), 'console.log(1)\n');
  await chown(source, bench.user.uid, bench.user.gid);
  return source;
}

async function layerOf(
  bench: Workbench,
  source: string,
  flags: readonly string[],
): Promise<{ digest: string; executor: string; storage: string }> {
  const { reference: builder } = await builderImage('node');
  const metadata = join(bench.directory, 'result.json');
  const built = await bench.s2oci([
    'build',
    source,
    builder,
    'oci:layout:1',
    '--metadata-file',
    metadata,
    '--assemble-user',
    '0',
    '--no-cache',
    ...flags,
  ]);
  if (built.code !== 0) throw new Error(`${flags.join(' ')}: ${built.stderr}`);
  const result = JSON.parse(await readFile(metadata, 'utf8'));
  return {
    digest: result.layers.at(-1).digest,
    executor: result.executor,
    storage: result.storage,
  };
}

t.test('one layer digest, whatever runs the build', async (t) => {
  const digests = new Map<string, string>();
  await using full = await openWorkbench('with-subuids');
  const source = await makeSource(full);
  for (const executor of ['runc', 'bwrap', 'unshare']) {
    for (const storage of ['overlay', 'copy']) {
      const layer = await layerOf(full, source, ['--executor', executor, '--storage', storage]);
      t.equal(layer.executor, executor);
      t.equal(layer.storage, storage);
      digests.set(`subuids, ${executor}, ${storage}`, layer.digest);
    }
  }
  await using single = await openWorkbench('without-subuids');
  const own = await makeSource(single);
  for (const executor of ['runc', 'bwrap', 'unshare']) {
    const layer = await layerOf(single, own, ['--executor', executor]);
    digests.set(`single id, ${executor}`, layer.digest);
  }
  const [first] = digests.values();
  for (const [name, digest] of digests) t.equal(digest, first, name);
});

t.test('regression: /dev/null file', async (t) => {
  await using bench = await openWorkbench('without-subuids');
  const source = join(bench.directory, 'source');
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  const script = '#!/bin/sh\necho noise >/dev/null\nls -l /dev/null\necho built >/built\n';
  await writeFile(join(source, '.s2i/bin/assemble'), script);
  const { reference: builder } = await builderImage('busybox');
  const metadata = join(bench.directory, 'result.json');
  const built = await bench.s2oci([
    ...['build', source, builder, 'oci:layout:1', '--compression', 'none'],
    ...['--executor', 'chroot', '--storage', 'copy', '--metadata-file', metadata],
  ]);
  succeed(t, built);
  t.match(built.stderr, /-rw-\S+ .* \/dev\/null/, 'no device can be made, so it is a file');
  const { layers } = JSON.parse(await readFile(metadata, 'utf8'));
  const blob = join(bench.directory, 'layout/blobs', layers.at(-1).digest.replace(':', '/'));
  const { stdout } = await bench.run('tar', ['-tf', blob]);
  t.match(stdout, /^built$/m);
  t.notMatch(stdout, /^dev\//m);
});

t.test('the digest does not depend on umask, directory, time zone or locale', async (t) => {
  await using bench = await openWorkbench();
  const source = await makeSource(bench);
  const expected = (await layerOf(bench, source, [])).digest;
  const { reference: builder } = await builderImage('node');
  for (const [mask, zone] of [
    ['077', 'Asia/Tokyo'],
    ['002', 'America/New_York'],
  ] as const) {
    const metadata = join(bench.directory, `result-${mask}.json`);
    const built = await bench.run(
      'sh',
      [
        '-c',
        'cp -a "$2" "copy-$1"; umask "$1"; shift; exec "$3" "$4" build "copy-$2" "$5" oci:layout:2 --assemble-user 0 --metadata-file "$6"',
        'sh',
        mask,
        source,
        mask,
        process.execPath,
        new URL('../../dist/program/main.js', import.meta.url).pathname,
        builder,
        metadata,
      ],
      { env: { TZ: zone, LC_ALL: 'C' } },
    );
    succeed(t, built);
    const result = JSON.parse(await readFile(metadata, 'utf8'));
    t.equal(result.layers.at(-1).digest, expected, `umask ${mask}, ${zone}`);
  }
});
