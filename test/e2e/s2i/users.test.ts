/** Who scripts run as, who files belong to (s2i reference 2.6, 2.7). */

import t from 'tap';
import { allowedUidRows } from '../../s2i/allowed-uid-rows.ts';
import { run } from '../../support/as-user.ts';
import { builderImage } from '../../support/images.ts';
import { deriveImage, readLayout, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const { reference: root } = await builderImage('busybox');
const passwd = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnamed:x:1003:1004::/home/n:/bin/sh\n',
};
const derive = (name: string, User: string, assembleUser?: string) =>
  deriveImage(bench, name, {
    files: passwd,
    config: {
      User,
      Labels: {
        'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i',
        ...(assembleUser === undefined ? {} : { 'io.openshift.s2i.assemble-user': assembleUser }),
      },
    },
  });
const numeric = await derive('numeric', '1001');
const named = await derive('named', 'named');
const labelled = await derive('labelled', '1001', '431');
const labelledRoot = await derive('labelled-root', '1001', '0');
const source = await writeTree(bench, 'source', {
  '.s2i/bin/assemble': `#!/bin/sh
echo "I am $(id -u):$(id -g) at $HOME"
ls -lnR /tmp/src
touch /tmp/made
chmod 600 /tmp/made
`,
  plain: 'x',
  'bin/tool': '#!/bin/sh\n',
});
await run('chmod', ['664', `${source}/plain`]);

const build = (builder: string, ...options: string[]) =>
  bench.s2oci(['build', source, builder, 'oci:out:1', '--no-cache', ...options]);

t.test('E1 E2 E3 E4 flag before label before image; USER of the image stays', async (t) => {
  t.match((await build(root)).stderr, /I am 0:0/);
  t.match((await build(numeric)).stderr, /I am 1001:0/);
  t.match((await build(named)).stderr, /I am 1003:1004 at \/home\/n/);
  t.match((await build(labelled)).stderr, /I am 431:0/);
  t.match((await build(labelled, '--assemble-user', '1007:8')).stderr, /I am 1007:8/);
  t.equal((await readLayout(bench, 'out')).config.User, '1001', '[G]');
});

t.test(
  'E1 a user id beyond those of this user has the build run with that single one',
  async (t) => {
    const layers: string[][] = [];
    for (const user of ['1007', '1000660000']) {
      const built = await build(numeric, '--assemble-user', user, '--no-cache');
      succeed(t, built);
      t.match(built.stderr, new RegExp(`I am ${user}:0`));
      const { layers: files } = await readLayout(bench, 'out');
      const { stdout } = await run('tar', ['--numeric-owner', '-tvzf', files.at(-1) ?? '']);
      layers.push(stdout.replaceAll(user, 'USER').split(/\s+/));
    }
    t.same(layers[0], layers[1], 'the same files with the same owners');
  },
);

t.test('E5 the allowed user ids of the upstream cases', async (t) => {
  const cases = [
    ['a named user', named, [], 8],
    ['a numeric user', numeric, [], 0],
    ['a label for root', labelledRoot, [], 8],
    ['a label for a user', labelled, [], 0],
    ['a flag that is no bare number [G]', numeric, ['--assemble-user', '1001:0'], 8],
    ['root without a word', root, [], 8],
    ['a flag in the place of root', root, ['--assemble-user', '1'], 0],
  ] as const;
  for (const [what, builder, options, code] of cases) {
    const built = await build(builder, '-u', '1-', ...options);
    t.equal(built.code, code, `${what}: ${built.stderr.slice(-300)}`);
    if (code === 8) t.match(built.stderr, /USER_NOT_ALLOWED/);
  }
  t.equal((await build(numeric, '-u', '-5,1000-1002')).code, 0);
  t.equal((await build(numeric, '-u', '5-1')).code, 2);
});

t.test('E4 E5 the 22 rows of allowed user ids', async (t) => {
  const started = await writeTree(bench, 'started', {
    start: '#!/bin/sh\n',
    '.s2i/bin/assemble': '#!/bin/sh\n',
  });
  t.equal(allowedUidRows.length, 22);
  for (const [at, [ranges, image, { flag, label, onBuild }, allowed]] of allowedUidRows.entries()) {
    const assembleUser = label === undefined ? {} : { 'io.openshift.s2i.assemble-user': label };
    const builder = await deriveImage(bench, `row-${at}`, {
      config: {
        User: image,
        Labels: { 'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i', ...assembleUser },
        ...(onBuild === undefined ? {} : { OnBuild: onBuild }),
      },
    });
    const args = ['build', started, builder, 'oci:row:1', '-u', ranges];
    const built = await bench.s2oci(flag === undefined ? args : [...args, '--assemble-user', flag]);
    const what = `row ${at + 1}: ${ranges} ${image} ${JSON.stringify(allowedUidRows[at]?.[2])}`;
    t.equal(built.code, allowed ? 0 : 8, `${what} ${built.stderr.slice(-300)}`);
    if (!allowed) t.match(built.stderr, /USER_NOT_ALLOWED/, what);
  }
});

t.test('E6 E7 the source belongs to whoever assembles, and others may not write', async (t) => {
  const asUser = await build(numeric, '--keep-source');
  succeed(t, asUser);
  t.match(asUser.stderr, /-rw-r--r-- +1 1001 +0 .* plain/, '0664 becomes 0644 [G]');
  t.match(asUser.stderr, /-rwxr-xr-x +1 1001 +0 .* tool/);
  const { layers } = await readLayout(bench, 'out');
  const { stdout } = await run('tar', ['-tvzf', layers.at(-1) ?? '', '--numeric-owner', '--utc']);
  t.match(stdout, /-rw------- 1001\/0 .* tmp\/made/, '0600 stays [G]');
  t.match(
    stdout,
    /-rw-r--r-- 1001\/0 .* 1980-01-01 00:00 tmp\/src\/plain/,
    'no time of the build [G]',
  );
  const asRoot = await build(root);
  t.match(asRoot.stderr, /-rw-r--r-- +1 0 +0 .* plain/, 'not the ids of the files here [G]');
});

t.test('E8 users that cannot be are named', async (t) => {
  for (const [user, code] of [
    ['nosuch', 8],
    ['1:2:3', 2],
    ['4294967296', 2],
  ] as const) {
    const built = await build(numeric, '--assemble-user', user);
    t.equal(built.code, code, user);
    t.ok(built.stderr.includes(user));
  }
  const broken = await build(await derive('broken', '1001:nogroup'));
  t.equal(broken.code, 8);
  t.match(broken.stderr, /group nogroup, which is not in \/etc\/group/);
});
