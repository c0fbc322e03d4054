/** What hostile Dockerfiles and base images try (the reference's section 2.5), as users with and without subordinate ids. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { builderImage } from '../support/images.ts';
import { build, type ContextFiles, configOf, entriesOf } from './builder-support.ts';
import { leftovers, openWorkbench, succeed, type Workbench } from './support.ts';

t.setTimeout(600_000);

const { reference: busybox } = await builderImage('busybox');
const canary = 'canary-of-the-host';

/** A workbench whose directory holds a file that no build may read or change. */
async function withCanary(
  kind: 'with-subuids' | 'without-subuids',
  use: (bench: Workbench, file: string) => Promise<void>,
): Promise<void> {
  await using bench = await openWorkbench(kind);
  await bench.run('sh', ['-c', `mkdir victim && echo ${canary} > victim/file`]);
  await use(bench, join(bench.directory, 'victim/file'));
}

async function refused(
  t: Test,
  bench: Workbench,
  files: ContextFiles,
  args: readonly string[] = [],
): Promise<string> {
  const { code, stderr } = await build(bench, files, args);
  t.equal(code, 3, stderr);
  t.notMatch(stderr, / \| ran/, 'nothing ran');
  return stderr;
}

for (const kind of ['with-subuids', 'without-subuids'] as const) {
  t.test(`D01 CVE-2024-9675: the id of a cache is no path, ${kind}`, async (t) => {
    await withCanary(kind, async (bench, file) => {
      const id = `../../../../..${bench.directory}/victim`;
      const command = 'cat /x/file; echo changed > /x/file';
      for (const name of [id, `${bench.directory}/victim`, '..', '/']) {
        const mount = `--mount=type=cache,id=${name},target=/x`;
        const result = await build(bench, {
          Dockerfile: `FROM ${busybox}\nRUN ${mount} ${command}\n`,
        });
        succeed(t, result);
        t.notMatch(result.stderr, new RegExp(canary));
        t.equal(await readFile(file, 'utf8'), `${canary}\n`);
      }
    });
  });

  t.test(`D01 CVE-2024-9675: what a cache begins with stays in its stage, ${kind}`, async (t) => {
    await withCanary(kind, async (bench, file) => {
      const up = '../../../../../../../../../..';
      const links = `ln -s ${up}${bench.directory}/victim /victim && ln -s / /rootdir`;
      const begin = `FROM ${busybox}\nRUN ${links} && echo of-the-stage > /marker\nFROM ${busybox}\n`;
      const from = (source: string) => `RUN --mount=type=cache,target=/x,from=0,source=${source}`;
      const inside = `${from('/rootdir')} cat /x/marker && ! test -e /x${file} && echo changed > /x/marker\n`;
      const result = await build(bench, { Dockerfile: `${begin}${inside}` });
      succeed(t, result);
      t.match(result.stderr, / \| 1: of-the-stage/);
      for (const source of ['/victim', `${up}${bench.directory}/victim`, '/marker']) {
        const { code, stderr } = await build(bench, {
          Dockerfile: `${begin}${from(source)} echo ran\n`,
        });
        t.equal(code, 4, stderr);
        t.match(stderr, /there is no directory/);
        t.notMatch(stderr, / \| ran/);
      }
      t.equal(await readFile(file, 'utf8'), `${canary}\n`);
    });
  });

  t.test(`D02 CVE-2024-1753: a mount out of a stage stays in it, ${kind}`, async (t) => {
    await withCanary(kind, async (bench, file) => {
      const up = '../../../../../../../../../..';
      const dockerfile = `FROM ${busybox}
RUN echo of-the-stage > /marker && ln -s / /rootdir && ln -s ${up}${bench.directory}/victim /victim && ln -s /proc/self/root /proot
FROM ${busybox}
RUN --mount=type=bind,from=0,source=/rootdir,target=/m,rw cat /m/marker && ! test -e /m${file} && touch /m/escaped && echo changed > /m/marker
RUN --mount=type=bind,from=0,source=/rootdir,target=/m cat /m/marker && test ! -e /m/escaped
`;
      const result = await build(bench, { Dockerfile: dockerfile });
      succeed(t, result);
      t.match(
        result.stderr,
        /of-the-stage[\s\S]*of-the-stage/,
        'and a write to it is gone with the step',
      );
      const out = `FROM ${busybox}\nRUN ln -s ${up}${bench.directory}/victim /victim\nFROM ${busybox}\nRUN --mount=type=bind,from=0,source=/victim,target=/m,rw cat /m/file\n`;
      const { code, stderr } = await build(bench, { Dockerfile: out });
      t.not(code, 0);
      t.match(stderr, /there is no \/victim/);
      t.equal(await readFile(file, 'utf8'), `${canary}\n`);
    });
  });
}

t.test('D03 CVE-2024-9407: options of mounts that nobody knows are errors', async (t) => {
  await using bench = await openWorkbench();
  const mounts = ['bind-propagation=rshared', 'z', 'Z', 'relabel=shared', 'idmap=x', 'upper=/'];
  for (const option of mounts) {
    const line = `RUN --mount=type=bind,source=.,target=/x,${option} echo ran`;
    t.match(await refused(t, bench, { Dockerfile: `FROM ${busybox}\n${line}\n` }), /Dockerfile:2:/);
  }
});

t.test(
  'D08 CVE-2021-3602: no variable of the host reaches a command, no argument that is not declared history',
  async (t) => {
    await using bench = await openWorkbench();
    const files = { Dockerfile: `FROM ${busybox}\nARG KNOWN\nRUN env | sort\n` };
    const args = [
      '--build-arg',
      'KNOWN=known-value',
      '--build-arg',
      'UNKNOWN=unknown-value',
      '--build-arg',
      'HTTP_PROXY=http://user:proxy-secret@127.0.0.1:1',
    ];
    const result = await build(bench, files, args, { HOST_CANARY: canary });
    succeed(t, result);
    t.notMatch(result.stderr, new RegExp(canary));
    t.match(result.stderr, /KNOWN=known-value/);
    const config = JSON.stringify(await configOf(bench));
    t.match(config, /known-value/);
    t.notMatch(config, /unknown-value|proxy-secret/);
  },
);

for (const kind of ['with-subuids', 'without-subuids'] as const)
  t.test(`D08: a secret is in no layer, history, cache, record or message, ${kind}`, async (t) => {
    await using bench = await openWorkbench(kind);
    const secret = 'tOp-sEcret-0123456789';
    await bench.run('sh', ['-c', `printf ${secret} > token; mkdir out`]);
    const args = [
      '--secret',
      `id=token,src=${bench.directory}/token`,
      '--metadata-file',
      `${bench.directory}/out/metadata.json`,
      '--cache-to',
      `oci:${bench.directory}/out/cache`,
    ];
    const dockerfile = `FROM ${busybox}
RUN rm -rf /run/secrets && mkdir -p /run /elsewhere && ln -s /elsewhere /run/secrets
RUN --mount=type=secret,id=token,env=TOKEN cat /run/secrets/token >/dev/null 2>&1; wc -c /etc/passwd > /dev/null
RUN --mount=type=secret,id=token cat /run/secrets/token && ls /elsewhere
`;
    const result = await build(bench, { Dockerfile: dockerfile }, args);
    succeed(t, result);
    t.notMatch(result.stderr, secret);
    const found = await bench.run('grep', ['-rl', secret, 'image', 'out', 'home']);
    t.equal(found.stdout, '', 'nothing on disk holds it');
    t.same(
      (await entriesOf(bench)).filter((line) => /elsewhere\/./.test(line)),
      [],
    );

    const failing = `FROM ${busybox}\nRUN --mount=type=secret,id=token cat /run/secrets/token; exit 3\n`;
    const failed = await build(bench, { Dockerfile: failing }, args);
    t.equal(failed.code, 9);
    t.notMatch(failed.stderr, secret);

    const leaking = `FROM ${busybox}\nRUN --mount=type=secret,id=token cp /run/secrets/token /kept\n`;
    const leaked = await build(bench, { Dockerfile: leaking }, args);
    t.not(leaked.code, 0);
    t.match(leaked.stderr, /SECRET_IN_IMAGE/);
    t.same(await leftovers(bench.home), []);
  });

t.test('D08: secrets that are too large or named like a path are refused', async (t) => {
  await using bench = await openWorkbench();
  await writeFile(join(bench.directory, 'large'), Buffer.alloc(512 * 1024, 'x'));
  const files = { Dockerfile: `FROM ${busybox}\nRUN --mount=type=secret,id=large echo ran\n` };
  const large = await build(bench, files, ['--secret', `id=large,src=${bench.directory}/large`]);
  t.equal(large.code, 3);
  const named = await build(bench, files, ['--secret', `id=../x,src=${bench.directory}/large`]);
  t.equal(named.code, 2);
  const required = {
    Dockerfile: `FROM ${busybox}\nRUN --mount=type=secret,id=t,required echo ran\n`,
  };
  const missing = await build(bench, required);
  t.equal(missing.code, 2);
  t.match(missing.stderr, /Dockerfile:2: .*"t" was not given/);
});
