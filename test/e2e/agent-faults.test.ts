/** L01, L03: the agent dies, or a disk is full, at named moments of a build; the next build is as if nothing had been. */

import { mkdir, open, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { leftovers, mountsOf, openWorkbench, processesOf, program, succeed } from './support.ts';

t.setTimeout(600_000);
const { reference: builder } = await builderImage('busybox');
const bench = await openWorkbench();
t.teardown(() => bench[Symbol.asyncDispose]());
const source = join(bench.directory, 'source');
await mkdir(source);
await writeFile(join(source, 'hello.txt'), 'hello\n');
await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);

/** Builds in a store of its own and returns how that ended, and the digest. */
async function build(name: string, env: Record<string, string> = {}) {
  const file = join(bench.directory, `${name}.digest`);
  const args = [
    'build',
    source,
    builder,
    `oci:${join(bench.directory, name)}:1`,
    '--digest-file',
    file,
    '-n',
    'app',
  ];
  const home = join(bench.directory, `home-${name}`);
  const result = await bench.s2oci([...args, '--progress', 'jsonl'], {
    env: { S2OCI_HOME: home, ...env },
  });
  const last = JSON.parse(result.stderr.trimEnd().split('\n').at(-1) ?? '{}') as { code?: string };
  const digest = await readFile(file, 'utf8').catch(() => undefined);
  return { ...result, home, error: last.code, digest };
}

/** Changes a byte of a file, as a disk could. */
async function damageContent(root: string): Promise<void> {
  const path = join(root, 'usr/libexec/s2i/run');
  const { atime, mtime } = await stat(path);
  const file = await open(path, 'r+');
  await file.write('X', 1);
  await file.close();
  await utimes(path, atime, mtime);
}

const undisturbed = await build('undisturbed');
const kill = { action: 'kill', error: 'RUNTIME_FAILED', code: 10 };
const full = { action: 'error(ENOSPC)', error: 'NO_SPACE', code: 12 };
const faults = [
  ...['rootfs.rename', 'workspace.mount', 'workspace.mounted', 'ingest.rename'].map((site) => ({
    ...{ site, ...kill },
  })),
  ...['rootfs.sync', 'workspace.open', 'ingest.write'].map((site) => ({ site, ...full })),
];

for (const [i, { site, action, error, code }] of faults.entries())
  await t.test(`${action === 'kill' ? 'L01' : 'L03'} ${action} at ${site}`, async (t) => {
    const name = `fault-${i}`;
    const failed = await build(name, { S2OCI_AGENT_FAILPOINT: `${site}=1*${action}` });
    t.match(failed, { code, error, digest: undefined });
    t.same([...(await processesOf(failed.home)), ...(await mountsOf(failed.home))], []);
    succeed(t, await bench.s2oci(['store', 'verify'], { env: { S2OCI_HOME: failed.home } }));
    const again = await build(name);
    succeed(t, again);
    t.equal(again.digest, undisturbed.digest, 'the digest is that of a build without fault');
    t.same(await leftovers(failed.home), []);
  });

await t.test('L01 an agent that dies while it tidies up does not undo the build', async (t) => {
  const built = await build('late', { S2OCI_AGENT_FAILPOINT: 'workspace.unmount=1*kill' });
  t.equal(built.digest ?? undisturbed.digest, undisturbed.digest);
  t.same([...(await processesOf(built.home)), ...(await mountsOf(built.home))], []);
  t.equal((await build('late')).digest, undisturbed.digest);
  t.same(await leftovers(built.home), []);
});

await t.test('L09 store verify looks into root file systems', async (t) => {
  const { home } = undisturbed;
  const env = { S2OCI_HOME: home };
  const whole = await bench.s2oci(['store', 'verify', '--json'], { env });
  t.match(JSON.parse(whole.stdout), { checkedRootfs: 1, damaged: [] });
  const damages = {
    '"bin/added" was added': (fs: string) => writeFile(join(fs, 'bin/added'), ''),
    '"usr/libexec/s2i/run" has another content than was unpacked': damageContent,
  };
  for (const [reason, damage] of Object.entries(damages)) {
    const [key = ''] = (await readdir(join(home, 'rootfs'))).filter((name) => /^\w/.test(name));
    await damage(join(home, 'rootfs', key, 'fs'));
    const damaged = await bench.s2oci(['store', 'verify', '--json'], { env });
    t.equal(damaged.code, 13);
    t.match(JSON.parse(damaged.stdout), { damaged: [{ name: key, reason }] });
    succeed(t, await bench.s2oci(['store', 'verify'], { env }));
    const again = await build('undisturbed', { SOURCE_DATE_EPOCH: '1' });
    t.equal(again.code, 0, 'it is unpacked again');
    succeed(t, await bench.s2oci(['store', 'verify'], { env }));
  }
});

await t.test(
  'L03 a disk too small for what assemble writes, as store and as upper directory',
  async (t) => {
    const disk = join(bench.directory, 'disk');
    await mkdir(disk);
    const script = join(source, '.s2i/bin/assemble');
    await mkdir(join(source, '.s2i/bin'), { recursive: true });
    const write = 'dd if=/dev/zero of=/app/big bs=1M count=$MEGABYTES\n';
    await writeFile(script, `#!/bin/sh\nset -e\n${write}`, { mode: 0o755 });
    const args = [
      'build',
      source,
      builder,
      `oci:${disk}/out:1`,
      '-e',
      'MEGABYTES=$m',
      '--progress',
      'plain',
    ];
    const command = `${process.execPath} ${program} ${args.join(' ')}`;
    const steps = [
      `mount -t tmpfs -o size=24m tmpfs ${disk}`,
      `for m in 40 1; do S2OCI_HOME=${disk}/home ${command}; echo "exit code $?"; done`,
      `ls ${disk}/home/builds`,
    ];
    const { stdout, stderr } = await bench.run('unshare', ['-Urm', 'sh', '-c', steps.join('\n')]);
    t.match(stdout, /^exit code (9|12)\n(.*\n)*exit code 0\n$/, stderr.slice(-1500));
    t.match(stderr, /No space left/);
  },
);
