/**
 * The single file of `npm run package`: the same bytes every time, and a whole build where there is no Node; and the
 * image for CI that `deploy/image` makes with it.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { DoctorReport } from '../../src/runtime/index.ts';
import { dockerCapabilities, type Pod, runInPod } from '../runtime/support/pod.ts';
import { environments } from '../runtime/support/pods.ts';
import { findTestUser, run } from '../support/as-user.ts';
import { builderRootfs } from '../support/builder-rootfs.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { cacheDirectory, pushBuilder } from '../support/images.ts';

t.setTimeout(900_000);

const maker = fileURLToPath(new URL('../../deploy/image/make-image', import.meta.url));
const packager = fileURLToPath(new URL('../../.ci/package.ts', import.meta.url));

const script = `
  ! command -v node >&2 || exit 99
  export S2OCI_HOME=/volume/s2oci; mkdir -p /volume/src/.s2i/bin; echo hello >/volume/src/app.py
  printf '#!/bin/sh\\ncp /tmp/src/app.py ./\\n' >/volume/src/.s2i/bin/assemble
  chmod +x /volume/src/.s2i/bin/assemble
  /s2oci version && /s2oci doctor --json && /s2oci build /volume/src "$1" "$2"
`;
const imageScript = script.replaceAll('/s2oci ', '/usr/bin/s2oci ');

/** Pods of the user of the image for CI, with the ids that it has for a machine and for a pod with ids of its own. */
const ofImage = { uid: 1000, capabilities: dockerCapabilities } as const;
const pods: Readonly<Record<string, { pod: Pod; isolation: string; ids: string }>> = {
  'a pod that may gain privileges': {
    pod: { ...ofImage, seccomp: 'none' },
    isolation: 'B',
    ids: '0-0=1000-1000 1-65536=100000-165535',
  },
  'a pod with a user namespace': {
    pod: { ...ofImage, seccomp: 'podman', procMount: 'unmasked', hostUsers: false },
    isolation: 'A',
    ids: '0-0=1000-1000 1-999=1-999 1000-65534=1001-65535',
  },
};

/** assemble writes to the program that is to publish its image. */
const hostile = script.replace(
  'cp /tmp/src/app.py ./',
  'echo | tee -a /tmp/s2oci-*/*/lib/s2oci/main.js',
);

/** Packages come from a Debian mirror, and take a minute. */
async function keep(path: string, kept: string): Promise<void> {
  await mkdir(dirname(kept), { recursive: true });
  await copyFile(path, `${kept}.${process.pid}`);
  await rename(`${kept}.${process.pid}`, kept);
}

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
  await t.test('the image for CI, made without root, builds as its user', async (t) => {
    if (process.getuid?.() !== 0) return t.fail('recreating pods needs root');
    const user = await findTestUser('with-subuids');
    if (typeof user === 'string') return t.fail(user);
    const work = await mkdtemp(join(tmpdir(), 's2oci-image-test-'));
    t.teardown(() => rm(work, { recursive: true, force: true }));
    await chown(work, user.uid, user.gid);
    const env = { S2OCI_PACKAGE: file, S2OCI_HOME: join(work, 'home') };
    await chmod(directories[0] ?? '', 0o755);
    const recipe = createHash('sha256')
      .update(await readFile(maker))
      .digest('hex');
    const kept = join(cacheDirectory(), `image-packages-${recipe.slice(0, 16)}.tar.gz`);
    const packages = existsSync(kept) ? kept : join(work, 'packages.tar.gz');
    const made = await run(maker, [`oci:${work}/image:1`, packages], { user, env, cwd: work });
    t.equal(made.code, 0, made.stderr);
    if (packages !== kept) await keep(packages, kept);
    const unpack = ['raw', 'unpack', '--image', `${work}/image:1`, join(work, 'rootfs')];
    t.equal((await run('umoci', unpack)).code, 0);
    await using registry = await startDockerRegistry();
    const builder = `${registry.host}/builders/python:3`;
    await pushBuilder('python', builder);
    for (const [name, { pod, isolation, ids }] of Object.entries(pods)) {
      const image = `${registry.host}/apps/hello:1`;
      const command = ['sh', '-c', imageScript, 'sh', builder, image];
      const { code, stdout, stderr } = await runInPod(pod, command, {
        image: join(work, 'rootfs'),
      });
      t.equal(code, 0, `${name}: ${stderr}`);
      const [, report = '{}', built] = stdout.split('\n');
      const { chain } = JSON.parse(report) as DoctorReport;
      t.match(chain, { executor: 'crun', storage: 'overlay', isolation, idRange: ids }, name);
      t.match(built, new RegExp(`^${image}@sha256:[0-9a-f]{64}$`), name);
    }
  });
});
