/** Builder images with ONBUILD instructions (s2i reference 2.9). */

import t from 'tap';
import { deriveImage, readLayout, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const derive = (name: string, user: string) =>
  deriveImage(bench, name, {
    config: { OnBuild: ['COPY . /app', `USER ${user}`, 'RUN echo "as $(id -u)" >/tmp/who'] },
  });
const builder = await derive('onbuild', '1001');
const rootBuilder = await derive('onbuild-root', 'root');
const source = await writeTree(bench, 'source', {
  'run.sh': '#!/bin/sh\ncat /tmp/who file.txt\n',
  '.s2i/environment': 'GREETING=hello\n',
  '.s2iignore': 'left-out\n',
  'left-out': 'x',
  'file.txt': 'the file\n',
});

t.test('M1 the instructions run, and the source starts the application', async (t) => {
  const built = await bench.s2oci(['build', source, builder, 'oci:out:1', '--incremental']);
  succeed(t, built);
  t.match(built.stderr, /ONBUILD are not incremental/);
  t.match(built.stdout, /^oci:\S+:1@sha256:[0-9a-f]{64}\n$/, 'no output of a daemon [G]');
  const { config } = await readLayout(bench, 'out');
  t.same(config.Entrypoint, ['./run.sh']);
  t.equal(config.User, '1001');
  t.ok(config.Env.includes('GREETING=hello'));
  t.notOk(config.OnBuild?.length, 'the result has no instructions of its own');
  t.equal(config.Labels['io.openshift.s2i.build.source-location'], source);
  const ran = await bench.s2oci(['run', 'oci:out:1']);
  t.equal(ran.stdout, 'as 1001\nthe file\n', ran.stderr);
  const listed = await bench.s2oci(['run', '-u', '0', 'oci:out:1', '/bin/ls', '/app']);
  t.notMatch(listed.stdout, /left-out/);
});

t.test('M2 blocked, without a start, and users that are not allowed', async (t) => {
  const build = (from: string, image: string, ...options: string[]) =>
    bench.s2oci(['build', from, image, 'oci:two:1', ...options]);
  t.equal((await build(source, builder, '--block-onbuild')).code, 15);
  const startless = await writeTree(bench, 'startless', { 'file.txt': 'x' });
  const nothing = await build(startless, builder);
  t.equal(nothing.code, 4);
  t.match(nothing.stderr, /nothing to start the application with/);
  const root = await build(source, rootBuilder, '-u', '1-', '--assemble-user', '1');
  t.equal(root.code, 8);
  t.match(root.stderr, /ONBUILD instruction .* names the user "root"/);
  const assembled = await writeTree(bench, 'assembled', {
    start: '#!/bin/sh\n',
    assemble: 'exit 3\n',
  });
  t.equal((await build(assembled, builder)).code, 9, 'assemble of the source is run');
});
