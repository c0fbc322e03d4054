/** What assemble finds (s2i reference 2.4, 2.7), by one assemble that tells everything. */

import t from 'tap';
import { run } from '../../support/as-user.ts';
import { deriveImage, lastLayerNames, readLayout, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const builder = await deriveImage(bench, 'builder', {
  files: { 'entry/point': '#!/bin/sh\nexport ENTERED=yes\nexec "$@"\n' },
  config: {
    WorkingDir: '/work/dir',
    User: '1001',
    Entrypoint: ['/entry/point'],
    Env: ['PATH=/bin:/usr/bin', 'FROM_IMAGE=1', 'BOTH=image', 'HOME=/home/image'],
  },
});
const long = 'x'.repeat(70_000);
const source = await writeTree(bench, 'source', {
  '.s2i/bin/assemble': `#!/bin/sh
set -e
echo "cwd=$(pwd) home=$HOME entered=$ENTERED arguments=$#"
echo "umask=$(umask) input=$(wc -c)"
echo "PLAIN=$PLAIN BOTH=$BOTH FROM_IMAGE=$FROM_IMAGE Q=$Q CR=[$CR] EXPAND=$EXPAND"
echo "long=$(printf %s "$LONG" | wc -c) build=$ONLY"
ls -a /tmp /tmp/src
grep CapEff /proc/self/status
cat /etc/hosts
echo kept >/tmp/kept
`,
  '.s2i/environment': [
    '# a comment',
    'PLAIN = spaced ',
    'BOTH=file',
    'CR=value\r',
    'Q="quoted v"',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it must not be expanded
    'EXPAND=${PLAIN}',
    'no equals sign',
    `LONG=${long}`,
  ].join('\n'),
  '.s2iignore': '*.log\n',
  'trace.log': '',
});
await run('mkdir', ['-p', `${source}/empty`]);
await writeTree(bench, 'more', { env: '// comment\nBOTH=file of the user\n' });
const args = ['build', source, builder, 'oci:out:1', '-E', 'more/env', '--build-env', 'ONLY=here'];
const host = ['--add-host', 'db.test:127.0.0.1'];
const built = await bench.s2oci([...args, ...host, '-e', 'BOTH=flag']);
const { config } = await readLayout(bench, 'out').catch(() => ({
  config: { Env: [] as string[] },
}));
const valuesOf = (name: string) =>
  (config.Env as string[]).filter((entry) => entry.startsWith(`${name}=`));

t.test('F1 F2 F3 F4 F6 directory, variables, entry point, umask, no input', async (t) => {
  succeed(t, built);
  t.match(built.stderr, /cwd=\/work\/dir home=\/home\/image entered=yes arguments=0/);
  t.match(built.stderr, /umask=0022 input=0/);
  t.match(built.stderr, /FROM_IMAGE=1/);
  t.match(built.stderr, /build=here/);
  t.match(built.stderr, /CapEff:\t0{16}\n/, 'no capabilities for 1001 [G]');
  t.match(built.stderr, /127\.0\.0\.1\s+db\.test/);
});

t.test('F5 F7 the layout, and nothing of the build is left', async (t) => {
  t.match(built.stderr, /\| src\n/);
  t.notMatch(built.stderr, /\| artifacts/, 'only an incremental build has artifacts');
  t.match(built.stderr, /\| empty\n/);
  const names = await lastLayerNames(bench, 'out');
  t.ok(names.includes('tmp/kept'));
  t.same(
    names.filter((name) => /^tmp\/(?:src|artifacts|\.s2i)/.test(name)),
    [],
  );
  t.notOk(names.some((name) => /^(?:proc|sys|dev|etc\/hosts|etc\/resolv)/.test(name)));
});

t.test(
  'F5 scripts is there also when it is empty, and what the image has in it stays',
  async (t) => {
    const files = {
      'own/assemble': `#!/bin/sh
stat -c '%n %a %u' /tmp/src /tmp/scripts
echo "scripts: $(ls /tmp/scripts)"
`,
      'own/run': '#!/bin/sh\n',
    };
    const labels = (url: string) => ({ Labels: { 'io.openshift.s2i.scripts-url': url } });
    const own = await deriveImage(bench, 'own', { files, config: labels('image:///own') });
    const plain = await writeTree(bench, 'plain', { file: 'x' });
    const empty = await bench.s2oci(['build', plain, own, 'oci:own-out:1', '--compat']);
    succeed(t, empty);
    t.match(empty.stderr, /\/tmp\/scripts 755 0\n/, 'for whoever runs the image [G]');
    t.match(empty.stderr, /scripts: \n/);
    t.ok((await lastLayerNames(bench, 'own-out')).includes('tmp/scripts/'));

    const below = await deriveImage(bench, 'below', {
      files: { 'tmp/scripts/run': '#!/bin/sh\necho the run of the image\n' },
      config: labels('image:///tmp/scripts'),
    });
    const mixed = await writeTree(bench, 'mixed', { '.s2i/bin/assemble': files['own/assemble'] });
    const joined = await bench.s2oci(['build', mixed, below, 'oci:below-out:1']);
    succeed(t, joined);
    t.match(joined.stderr, /scripts: assemble\n.*\| run\n/);
    const ran = await bench.s2oci(['run', 'oci:below-out:1']);
    t.match(ran.stdout, /the run of the image/);
  },
);

t.test('C1 C4 C5 C6 .s2i/environment is data, with quotes, and long lines', async (t) => {
  t.match(built.stderr, /PLAIN=spaced .* Q="quoted v" CR=\[value\] EXPAND=\$\{PLAIN\}/);
  t.match(built.stderr, /long=70000/, 'the original ends at 64 KB');
  t.match(built.stderr, /line 7 is skipped/);
});

t.test('C2 C3 the file, then -e, then -E, and each name once', async (t) => {
  t.match(built.stderr, /BOTH=file of the user/);
  t.same(valuesOf('BOTH'), ['BOTH=file of the user'], 'the original keeps them all [G]');
  t.same(valuesOf('ONLY'), [], 'what is for the build stays out');
  t.same(valuesOf('FROM_IMAGE'), ['FROM_IMAGE=1']);
});

t.test('B8 .s2iignore goes along, moved scripts leave .s2i/bin', async (t) => {
  succeed(t, await bench.s2oci([...args, '--compat']));
  const names = await lastLayerNames(bench, 'out');
  t.ok(names.includes('tmp/src/.s2iignore'));
  t.ok(names.includes('tmp/scripts/assemble'));
  t.ok(names.includes('tmp/src/.s2i/bin/'), 'the directory stays [G]');
  t.notOk(names.includes('tmp/src/.s2i/bin/assemble'));
  t.notOk(names.includes('tmp/src/trace.log'));
});

t.test('A1 symbolic links are kept; --compat follows them, within the source', async (t) => {
  await run('ln', ['-s', '.s2iignore', `${source}/link`]);
  await run('ln', ['-s', 'nowhere', `${source}/dangling`]);
  for (const [option, letter] of [
    [['--keep-source'], 'l'],
    [['--compat'], '-'],
    [['--compat', '--keep-symlinks'], 'l'],
  ] as const) {
    succeed(t, await bench.s2oci([...args, ...option]));
    const { layers } = await readLayout(bench, 'out');
    const { stdout } = await run('tar', ['-tvzf', layers.at(-1) ?? '']);
    const types = new Map(
      [...stdout.matchAll(/^(.).* tmp\/src\/(link|dangling)\b/gm)].map(([, type, name]) => [
        name,
        type,
      ]),
    );
    t.equal(types.get('link'), letter, `${option.join(' ')} [G]`);
    t.equal(types.get('dangling'), 'l', 'one that leads nowhere stays [G]');
  }
});
