/**
 * The main job end to end beside `buildah bud` of the equivalent Dockerfile: same machine, same run, same
 * registry, same unprivileged user. Prints ratios and writes JSON.
 *
 *     npm run build && node bench/build.ts [--files 8000] [--json bench.json]
 *
 * Cold: nothing local, builder image in the registry. Edit: one source file changed. Same: nothing
 * changed. Times are wall-clock seconds of whole commands, push included; the machine is noisy, so read
 * the ratios.
 */

import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findTestUser, run, type TestUser } from '../test/support/as-user.ts';
import { startDockerRegistry } from '../test/support/docker-registry.ts';
import { pushBuilder } from '../test/support/images.ts';
import { reportBesideBuildah } from './measure.ts';

const { values } = parseArgs({
  options: { files: { type: 'string', default: '8000' }, json: { type: 'string' } },
});
const program = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const scenarios = ['cold', 'edit', 'same'] as const;

type Scenario = (typeof scenarios)[number];
type Times = Record<Scenario, number>;

const user = await findTestUser('with-subuids');
if (typeof user === 'string') throw new Error(user);
const work = await mkdtemp(join(tmpdir(), 's2oci-bench-'));
await chown(work, user.uid, user.gid);
await using registry = await startDockerRegistry();
try {
  const builder = `${registry.host}/builders/node:1`;
  await pushBuilder('node', builder);
  const source = join(work, 'source');
  await makeSource(source, Number(values.files), user);
  const ours = await measure(source, () => s2oci(source, builder, user));
  const peer = await measure(source, () => buildah(source, user));
  await reportBesideBuildah(ours, peer, values.json, { files: Number(values.files) });
} finally {
  await run(process.execPath, [program, 'store', 'prune'], {
    user,
    env: { S2OCI_HOME: join(work, 'home') },
  });
  await run('buildah', ['unshare', 'rm', '-rf', join(work, 'storage')], { user });
  await rm(work, { recursive: true, force: true });
}

/** An application that carries its dependencies, as vendored node_modules do: many small files. */
async function makeSource(directory: string, files: number, owner: TestUser): Promise<void> {
  await mkdir(directory);
  await writeFile(join(directory, 'package.json'), '{"name":"app","version":"1.0.0"}\n');
  await writeFile(join(directory, 'message.txt'), 'first\n');
  for (let i = 0; i < files; i += 1) {
    const folder = join(directory, 'vendor', `package-${i % 400}`, 'lib');
    if (i < 400) await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, `module-${i}.js`),
      `// ${i}\n${`export const value${i} = ${i};\n`.repeat(1 + (i % 200))}`,
    );
  }
  const builder = `${registry.host}/builders/node:1`;
  const lines = [
    `FROM ${builder}`,
    'COPY --chown=1001:0 . /tmp/src',
    'USER 1001',
    'RUN /usr/libexec/s2i/assemble',
    'CMD ["/usr/libexec/s2i/run"]',
  ];
  await writeFile(join(work, 'Dockerfile'), `${lines.join('\n')}\n`);
  await run('chown', ['-R', `${owner.uid}:${owner.gid}`, directory]);
}

async function measure(source: string, build: () => Promise<void>): Promise<Times> {
  const cold = await timed(build);
  await writeFile(join(source, 'message.txt'), `${Math.random()}\n`);
  const edit = await timed(build);
  return { cold, edit, same: await timed(build) };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

async function s2oci(source: string, builder: string, user: TestUser): Promise<void> {
  const args = [program, 'build', source, builder, `${registry.host}/apps/ours:1`, '--quiet'];
  await succeed(process.execPath, args, user, { S2OCI_HOME: join(work, 'home') });
}

async function buildah(source: string, user: TestUser): Promise<void> {
  const storage = [
    '--root',
    join(work, 'storage', 'root'),
    '--runroot',
    join(work, 'storage', 'run'),
    '--storage-driver',
    'overlay',
  ];
  const image = `${registry.host}/apps/peer:1`;
  const build = [
    'bud',
    '--layers',
    // crun, the default, refuses machines with both cgroup hierarchies.
    '--runtime',
    'runc',
    '--network',
    'host',
    '--tls-verify=false',
    '-q',
    '-f',
    join(work, 'Dockerfile'),
    '-t',
    image,
    source,
  ];
  await succeed('buildah', [...storage, ...build], user);
  await succeed('buildah', [...storage, 'push', '-q', '--tls-verify=false', image], user);
}

async function succeed(
  command: string,
  args: readonly string[],
  user: TestUser,
  env: Record<string, string> = {},
): Promise<void> {
  const { code, stderr } = await run(command, args, { user, cwd: work, env });
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
}
