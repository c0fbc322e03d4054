/**
 * The Node builder's Dockerfile (`examples/builders/node`) built by `s2oci builder build` and by `buildah bud --layers`: same
 * machine, same run, same registry, same unprivileged user. Prints ratios and writes JSON.
 *
 *     npm run build && node bench/dockerfile.ts [--rounds 3] [--json bench.json]
 *
 * Cold: nothing local, base image in the registry, packages from Debian's mirror. Cached: nothing changed. Edit: one
 * line of `s2i/bin/assemble` changed. Times are wall-clock seconds of whole commands, push included, the median of the
 * rounds; cold is measured once, since most of it is apt.
 */

import { appendFile, chown, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findTestUser, run } from '../test/support/as-user.ts';
import { startDockerRegistry } from '../test/support/docker-registry.ts';
import { exampleBase } from '../test/support/example-base.ts';
import { reportBesideBuildah } from './measure.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, json: { type: 'string' } },
});
const program = fileURLToPath(new URL('../dist/program/main.js', import.meta.url));
const example = fileURLToPath(new URL('../examples/builders/node', import.meta.url));
const scenarios = ['cold', 'cached', 'edit'] as const;

type Times = Record<(typeof scenarios)[number], number>;

const user = await findTestUser('with-subuids');
if (typeof user === 'string') throw new Error(user);
const work = await mkdtemp(join(tmpdir(), 's2oci-bench-'));
await chown(work, user.uid, user.gid);
await using registry = await startDockerRegistry();
const base = `${registry.host}/builders/debian:bookworm`;
const context = join(work, 'context');
const storage = [
  ...['--root', join(work, 'storage', 'root'), '--runroot', join(work, 'storage', 'run')],
  ...['--storage-driver', 'overlay'],
];
try {
  await cp(example, context, { recursive: true });
  // The buildah of Debian does not know `ADD --checksum`.
  const dockerfile = await readFile(join(example, 'Dockerfile'), 'utf8');
  await writeFile(join(context, 'Dockerfile'), dockerfile.replace(/ADD --checksum=\S+ /, 'ADD '));
  await succeed('skopeo', [
    ...['copy', '-q', '--dest-tls-verify=false'],
    ...[await exampleBase(), `docker://${base}`],
  ]);
  await reportBesideBuildah(await measure(s2oci), await measure(buildah), values.json);
} finally {
  await run(process.execPath, [program, 'store', 'prune'], { user, env: environment() });
  await run('buildah', ['unshare', 'rm', '-rf', join(work, 'storage')], { user });
  await rm(work, { recursive: true, force: true });
}

function environment(): Record<string, string> {
  return { S2OCI_HOME: join(work, 'home') };
}

async function s2oci(): Promise<void> {
  const image = `${registry.host}/builders/ours:1`;
  await succeed(process.execPath, [
    ...[program, 'builder', 'build', context, '-t', image, '--quiet'],
    ...['--build-arg', `BASE=${base}`],
  ]);
}

async function buildah(): Promise<void> {
  const image = `${registry.host}/builders/peer:1`;
  await succeed('buildah', [
    ...storage,
    // crun, the default, refuses machines with both cgroup hierarchies.
    ...['bud', '--layers', '--runtime', 'runc', '--network', 'host', '--tls-verify=false', '-q'],
    ...['--build-arg', `BASE=${base}`, '-t', image, context],
  ]);
  await succeed('buildah', [...storage, 'push', '-q', '--tls-verify=false', image]);
}

async function measure(build: () => Promise<void>): Promise<Times> {
  const cold = await timed(build);
  const rounds = Array.from({ length: Number(values.rounds) });
  const cached: number[] = [];
  const edit: number[] = [];
  for (const _ of rounds) {
    cached.push(await timed(build));
    await appendFile(join(context, 's2i/bin/assemble'), `# ${Math.random()}\n`);
    edit.push(await timed(build));
  }
  return { cold, cached: median(cached), edit: median(edit) };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  if (typeof user === 'string') throw new Error(user);
  const { code, stderr } = await run(command, args, { user, cwd: work, env: environment() });
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
}
