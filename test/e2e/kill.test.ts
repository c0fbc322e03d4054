/** A build killed at any moment leaves nothing behind, and the next one gives the same image (security reference L01). */

import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { run } from '../support/as-user.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { pushBuilder } from '../support/images.ts';
import { leftovers, mountsOf, openWorkbench, processesOf, succeed } from './support.ts';

t.setTimeout(600_000);

const moments = 10;

/** Waits until nothing of a killed build is left, at most two seconds. */
async function settled(
  directory: string,
): Promise<{ processes: readonly string[]; mounts: readonly string[] }> {
  for (let attempt = 0; ; attempt += 1) {
    const [processes, mounts] = await Promise.all([processesOf(directory), mountsOf(directory)]);
    if ((processes.length === 0 && mounts.length === 0) || attempt === 20)
      return { processes, mounts };
    await sleep(100);
  }
}

t.test('N5 N6 SIGKILL at ten moments of a build', async (t) => {
  await using registry = await startDockerRegistry();
  const builder = `${registry.host}/builders/busybox:1`;
  await pushBuilder('busybox', builder);
  await using bench = await openWorkbench();
  const source = join(bench.directory, 'source');
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  await writeFile(
    join(source, '.s2i/bin/assemble'),
    '#!/bin/sh\nset -e\n(sleep 300 &)\ncp -R /tmp/src/. /app/\nsleep 0.3\necho built > /app/result\n',
  );
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
  const digestOf = async (image: string, digestFile: string) => {
    const built = await bench.s2oci([
      'build',
      source,
      builder,
      image,
      '--digest-file',
      digestFile,
      '-n',
      'app',
    ]);
    succeed(t, built);
    return readFile(digestFile, 'utf8');
  };

  const begin = performance.now();
  const undisturbed = await digestOf(
    `${registry.host}/apps/undisturbed:1`,
    join(bench.directory, 'digest'),
  );
  const duration = performance.now() - begin;

  for (let moment = 0; moment < moments; moment += 1) {
    // A store of its own for each, so that every moment has all phases ahead of it.
    const home = join(bench.directory, `home-${moment}`);
    const image = `${registry.host}/apps/killed-${moment}:1`;
    const child = bench.start(['build', source, builder, image, '-n', 'app'], {
      env: { S2OCI_HOME: home },
    });
    child.stdout?.resume();
    child.stderr?.resume();
    const ended = once(child, 'exit');
    await sleep((duration * (moment + 0.5)) / moments);
    child.kill('SIGKILL');
    await ended;
    const left = await settled(home);
    t.same(left, { processes: [], mounts: [] }, `moment ${moment}: no process and no mount`);

    const digestFile = join(bench.directory, `digest-${moment}`);
    const again = await bench.s2oci(
      ['build', source, builder, image, '--digest-file', digestFile, '-n', 'app'],
      {
        env: { S2OCI_HOME: home },
      },
    );
    succeed(t, again);
    t.equal(
      await readFile(digestFile, 'utf8'),
      undisturbed,
      `moment ${moment}: the same image as if nothing had happened`,
    );
    t.same(await leftovers(home), [], `moment ${moment}: the next build swept the store`);
    const verified = await bench.s2oci(['store', 'verify'], { env: { S2OCI_HOME: home } });
    succeed(t, verified);
    await bench.s2oci(['store', 'prune'], { env: { S2OCI_HOME: home } });
  }
});

t.test(
  'L02 N4 SIGTERM ends a build in order: exit code 143, nothing published, nothing left',
  async (t) => {
    await using registry = await startDockerRegistry();
    const builder = `${registry.host}/builders/busybox:1`;
    await pushBuilder('busybox', builder);
    await using bench = await openWorkbench();
    const source = join(bench.directory, 'source');
    await mkdir(join(source, '.s2i/bin'), { recursive: true });
    await writeFile(
      join(source, '.s2i/bin/assemble'),
      '#!/bin/sh\ntrap "" TERM INT\necho started\nwhile :; do sleep 1; done\n',
    );
    await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
    const child = bench.start([
      'build',
      source,
      builder,
      `${registry.host}/apps/stopped:1`,
      '--progress',
      'plain',
    ]);
    const ended = once(child, 'exit');
    let stderr = '';
    const started = new Promise<void>((resolve) => {
      child.stderr?.on('data', (chunk: Buffer) => {
        stderr += chunk.toString();
        if (stderr.includes('started')) resolve();
      });
    });
    child.stdout?.resume();
    await Promise.race([started, ended]);
    child.kill('SIGTERM');
    const [code] = await ended;
    t.equal(code, 143, stderr);
    t.same(await settled(bench.home), { processes: [], mounts: [] });
    t.same(await leftovers(bench.home), []);
    const published = await run('skopeo', [
      'inspect',
      '--tls-verify=false',
      `docker://${registry.host}/apps/stopped:1`,
    ]);
    t.not(published.code, 0);
  },
);
