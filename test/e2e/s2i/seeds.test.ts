/**
 * What pipelines of OpenShift do around S2I, with the commands that stand for it here: start a build from a
 * directory and follow it, read where the image went, describe it, build again when the builder image changed.
 */

import t from 'tap';
import { run } from '../../support/as-user.ts';
import { deriveImage, writeTree } from '../s2i-support.ts';
import { openWorkbench, succeed } from '../support.ts';

t.setTimeout(600_000);

const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const assemble = (text: string) => ({
  'usr/libexec/s2i/assemble': `#!/bin/sh\necho "${text}"\nset -e\nsh ./src/check.sh 2>&1\necho "${text}" >/tmp/built\n`,
});
const sources = ['#!/bin/sh\nexit 0\n', '#!/bin/sh\necho it is wrong\nexit 41\n'];
const [good = '', bad = ''] = await Promise.all(
  sources.map((check, i) => writeTree(bench, `source${i}`, { 'check.sh': check })),
);
const scripts = (text: string) => ({
  files: assemble(text),
  config: {
    Labels: { 'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i' },
    WorkingDir: '/tmp',
  },
});
const builder = await deriveImage(bench, 'builder', scripts('first builder'));

t.test('R2 a build from a directory is followed, and ends with its result', async (t) => {
  const built = await bench.s2oci(['build', good, builder, 'oci:app:1']);
  succeed(t, built);
  t.match(built.stderr, /\| first builder/, 'output is followed');
  const failed = await bench.s2oci(['build', bad, builder, 'oci:bad:1']);
  t.equal(failed.code, 9);
  t.match(failed.stderr, /\| it is wrong[\s\S]*exit code 41/);
});

t.test('N8 a failure is one record of JSON, with the exit code of the script', async (t) => {
  const failed = await bench.s2oci(['build', bad, builder, 'oci:bad:1', '--progress', 'jsonl']);
  t.equal(failed.code, 9);
  t.match(JSON.parse(failed.stderr.trim().split('\n').at(-1) ?? ''), {
    ...{ type: 'result', ok: false, code: 'ASSEMBLE_FAILED', exitCode: 9, phase: 'assemble' },
    details: { exitCode: 41 },
  });
});

t.test('R3 the last word of a build is what was pushed, and a failure says nothing', async (t) => {
  const built = await bench.s2oci(['build', good, builder, 'oci:app:1']);
  t.match(built.stdout, /^oci:\S*\/app:1@sha256:[0-9a-f]{64}\n$/);
  t.equal((await bench.s2oci(['build', bad, builder, 'oci:bad:1'])).stdout, '');
  t.not((await bench.s2oci(['inspect', 'oci:bad:1'])).code, 0, 'and nothing was pushed');
});

t.test('R4 an image describes how it was built', async (t) => {
  const described = await bench.s2oci(['inspect', 'oci:app:1', '--config']);
  succeed(t, described);
  const { Labels: labels } = JSON.parse(described.stdout).config;
  t.equal(labels['io.openshift.s2i.build.image'], builder);
  t.equal(labels['io.openshift.s2i.build.source-location'], good);
});

t.test(
  'R5 rebuild does nothing until the builder image changes, and then builds anew',
  async (t) => {
    const same = await bench.s2oci(['rebuild', 'oci:app:1']);
    succeed(t, same);
    t.notMatch(same.stderr, /\| first builder/, 'assemble is not run again');
    const layout = builder.replace(/^oci:|:latest$/g, '');
    await run('rm', ['-rf', layout, `${layout}.tree`]);
    await deriveImage(bench, 'builder', scripts('second builder'));
    const anew = await bench.s2oci(['rebuild', 'oci:app:1']);
    succeed(t, anew);
    t.match(anew.stderr, /\| second builder/);
    t.not(anew.stdout, same.stdout);
    const ran = await bench.s2oci(['run', 'oci:app:1', '/bin/cat', '/tmp/built']);
    t.equal(ran.stdout, 'second builder\n');
  },
);
