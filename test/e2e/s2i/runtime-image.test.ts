/** Runtime images (s2i reference 2.10): assembled in one image, finished in another. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../../support/as-user.ts';
import { builderImage } from '../../support/images.ts';
import { deriveImage, readLayout, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const { reference: builder } = await builderImage('busybox');
const runtime = await deriveImage(bench, 'runtime', {
  files: {
    'opt/s2i/assemble-runtime': `#!/bin/sh
set -e
echo "finished by $(id -u) in $(pwd), $GREETING"
mkdir -p /tmp/.s2i
echo '{"labels":[{"from":"assemble-runtime"}]}' >/tmp/.s2i/image_metadata.json
`,
    'opt/s2i/run': '#!/bin/sh\nexec cat /srv/app.txt\n',
  },
  config: {
    WorkingDir: '/srv',
    User: '1001',
    Labels: {
      'io.openshift.s2i.scripts-url': 'image:///opt/s2i',
      'io.openshift.s2i.assemble-input-files': '/opt/out/app.txt',
    },
  },
});
const files = {
  '.s2i/bin/assemble': `#!/bin/sh
set -e
mkdir -p /opt/out/data/deep
cp /tmp/src/app.txt /opt/out/app.txt
chmod 666 /opt/out/app.txt
echo x >/opt/out/data/deep/x
ln -s deep/x /opt/out/data/link
printf '#!/bin/sh\\necho tool\\n' >/opt/out/tool
chmod 775 /opt/out/tool
mkdir -p /app/deps /tmp/.s2i
[ -d /tmp/artifacts ] && cat /tmp/artifacts/deps/count
echo "one build" >>/app/deps/count
echo '{"labels":[{"from":"assemble"},{"only":"assemble"}]}' >/tmp/.s2i/image_metadata.json
`,
  '.s2i/bin/save-artifacts': '#!/bin/sh\ncd /app && exec tar -c deps\n',
  '.s2i/environment': 'GREETING=hello\n',
  'app.txt': 'the application\n',
};
const source = await writeTree(bench, 'source', files);

/** The last layer of a layout as tar lists it: mode, owner, size and name of each entry. */
async function listing(layout: string) {
  const { layers } = await readLayout(bench, layout);
  const { stdout } = await run('tar', ['-tvzf', layers.at(-1) ?? '', '--numeric-owner']);
  return new Map(
    stdout
      .split('\n')
      .map((line) => line.split(/\s+/))
      .map(([mode, owner, , , , name = '']) => [name, `${mode} ${owner}`]),
  );
}

t.test('I1 I5 artifacts go below WORKDIR, and again from kept ones the next time', async (t) => {
  const args = ['-a', '/opt/out/app.txt', '-a', '/opt/out/data/:sub/dir;"/opt/out/tool"'];
  const build = (...more: string[]) =>
    bench.s2oci([
      ...['build', source, builder, 'oci:out:1', '--runtime-image', runtime, ...args],
      ...['--incremental', '--metadata-file', 'metadata.json', ...more],
    ]);
  const built = await build();
  succeed(t, built);
  t.match(built.stderr, /finished by 1001 in \/srv, hello/, 'WORKDIR, user and variables');
  const { config, layers } = await readLayout(bench, 'out');
  t.equal(layers.length, (await readLayout(bench, 'runtime')).layers.length + 1, 'one layer more');
  t.same(config.Cmd, ['/opt/s2i/run'], 'run of the runtime image [G]');
  t.equal(config.User, '1001');
  t.equal(config.WorkingDir, '/srv');
  t.match(config.Labels, {
    from: 'assemble-runtime',
    only: 'assemble',
    'io.openshift.s2i.build.image': builder,
    'io.openshift.s2i.build.source-location': source,
  });
  const entries = await listing('out');
  // The original: root, 0644 or 0755. Here: the user of assemble-runtime, without write permission for others.
  t.equal(entries.get('srv/app.txt'), '-rw-r--r-- 1001/0');
  t.equal(entries.get('srv/tool'), '-rwxr-xr-x 1001/0');
  t.equal(entries.get('srv/sub/dir/data/deep/x'), '-rw-r--r-- 1001/0', 'a directory by its name');
  t.match(entries.get('srv/sub/dir/data/link'), /^l/);
  t.notOk([...entries.keys()].some((name) => /scripts|^opt\/out|^tmp\/src/.test(name)));
  const ran = await bench.s2oci(['run', 'oci:out:1']);
  t.equal(ran.stdout, 'the application\n', ran.stderr);

  const again = await build('-e', 'GREETING=again');
  succeed(t, again);
  t.match(again.stderr, /\| one build/);
  t.match(again.stderr, /finished by 1001 in \/srv, again/);
  const metadata = JSON.parse(await readFile(join(bench.directory, 'metadata.json'), 'utf8'));
  t.match(metadata.incremental, { used: true, way: 'kept', kept: { done: true } });
  t.match(metadata.runtime, { reference: runtime });
});

t.test('I2 I3 I4 the label, what is missing, and the user', async (t) => {
  const build = (...more: string[]) =>
    bench.s2oci(['build', source, builder, 'oci:two:1', '--runtime-image', runtime, ...more]);
  const byLabel = await build('--assemble-runtime-user', '1005:7');
  succeed(t, byLabel);
  t.match(byLabel.stderr, /finished by 1005/);
  t.equal((await listing('two')).get('srv/app.txt'), '-rw-r--r-- 1005/7', 'artifacts of the label');
  t.equal((await readLayout(bench, 'two')).config.User, '1001', 'USER stays that of the image');

  const missing = await build('-a', '/opt/nothing');
  t.equal(missing.code, 8);
  t.match(missing.stderr, /cannot copy \/opt\/nothing: it does not exist after assemble/);
  const refused = await build('-u', '1002-');
  t.equal(refused.code, 8, 'allowed user ids hold for the runtime image, too');
  t.equal((await build('-a', 'relative')).code, 2);

  const plain = await bench.s2oci([
    ...['build', source, builder, 'oci:three:1', '--runtime-image', builder, '-a', '/opt/out/tool'],
  ]);
  t.equal(plain.code, 8);
  t.match(plain.stderr, /no script assemble-runtime/);
  t.notMatch(plain.stderr, /=> assemble/, 'which is known before anything runs');
  const unmapped = await deriveImage(bench, 'unmapped', { config: { Labels: {} } });
  const without = ['build', source, builder, 'oci:four:1', '--runtime-image', unmapped];
  t.equal((await bench.s2oci(without)).code, 2, 'no artifacts were named');
});
