/** The single file of `npm run package`: the same bytes every time, and a whole build where there is no Node. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { DoctorReport } from '../../src/runtime/index.ts';
import { runInPod } from '../runtime/support/pod.ts';
import { environments } from '../runtime/support/pods.ts';
import { run } from '../support/as-user.ts';
import { builderRootfs } from '../support/builder-rootfs.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { pushBuilder } from '../support/images.ts';

t.setTimeout(900_000);

const packager = fileURLToPath(new URL('../../.ci/package.ts', import.meta.url));

const script = `
  ! command -v node >&2 || exit 99
  export S2OCI_HOME=/volume/s2oci; mkdir -p /volume/src/.s2i/bin; echo hello >/volume/src/app.py
  printf '#!/bin/sh\\ncp /tmp/src/app.py ./\\n' >/volume/src/.s2i/bin/assemble
  chmod +x /volume/src/.s2i/bin/assemble
  /s2oci version && /s2oci doctor --json && /s2oci build /volume/src "$1" "$2"
`;

/** assemble writes to the program that is to publish its image. */
const hostile = script.replace(
  'cp /tmp/src/app.py ./',
  'echo | tee -a /tmp/s2oci-*/*/lib/s2oci/main.js',
);

t.test('one file, the same every time', async (t) => {
  const directories = await Promise.all(
    [1, 2].map(() => mkdtemp(join(tmpdir(), 's2oci-package-test-'))),
  );
  t.teardown(() => Promise.all(directories.map((path) => rm(path, { recursive: true }))));
  const outputs: string[] = [];
  for (const directory of directories) {
    const { code, stdout, stderr } = await run(process.execPath, [packager, directory]);
    t.equal(code, 0, stderr);
    outputs.push(stdout);
  }
  t.equal(outputs[1], outputs[0], 'digests of both files');
  const file = join(directories[0] ?? '', `s2oci-linux-${process.arch}`);
  t.match((await readFile(file)).subarray(0, 10).toString(), '#!/bin/sh\n');
  await t.test('a whole build in a restricted pod of an image without Node', async (t) => {
    if (process.getuid?.() !== 0) return t.fail('recreating pods needs root');
    const restricted = environments['P7b']?.pod;
    if (restricted === undefined) throw new Error('there is no P7b');
    await using registry = await startDockerRegistry();
    const builder = `${registry.host}/builders/python:3`;
    await pushBuilder('python', builder);
    const image = `${registry.host}/apps/hello:1`;
    const setting = { image: await builderRootfs('python'), mounts: [[file, '/s2oci']] } as const;
    const runScript = (text: string) =>
      runInPod(restricted, ['sh', '-c', text, 'sh', builder, image], setting);
    const { code, stdout, stderr } = await runScript(script);
    t.equal(code, 0, stderr);
    const [version, report = '{}', built] = stdout.split('\n');
    t.match(version, /^s2oci \d/);
    t.equal((JSON.parse(report) as DoctorReport).chain.executor, 'in-builder');
    t.match(built, new RegExp(`^${image}@sha256:[0-9a-f]{64}$`));
    const refused = await runScript(hostile);
    t.equal(refused.code, 10);
    t.match(
      refused.stderr,
      /assemble changed \S+main\.js, which is part of s2oci; nothing was published/,
    );
  });
});
