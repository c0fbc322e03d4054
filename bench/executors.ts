/**
 * What a sandbox costs: `true` in a busybox root filesystem through every executor, beside `podman run
 * --rootfs` and `buildah run` of the same, by the same unprivileged user in the same run. The agent's start
 * is measured apart: a build pays it once, while its builder image is being fetched.
 *
 *     node bench/executors.ts [--runs 20] [--json executors.json]
 *
 * Milliseconds; median and minimum. The machine is noisy, so runs of all kinds alternate.
 */

import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeBusyboxRootfs } from '../test/runtime/support/busybox.ts';
import { runScenario, testUser } from '../test/runtime/support/scenario.ts';
import { run, type TestUser } from '../test/support/as-user.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '20' }, json: { type: 'string' } },
});
const rounds = Number(values.runs);
const executors = ['crun', 'runc', 'bwrap', 'unshare', 'podman'] as const;

/** Times of one way to run `true`, in milliseconds. */
interface Row {
  readonly name: string;
  readonly times: readonly number[];
}

const user = await testUser('with-subuids');
const work = await mkdtemp(join(tmpdir(), 's2oci-bench-'));
try {
  await chown(work, user.uid, user.gid);
  const rows = [...(await ours(user)), ...(await peers(user, work))];
  for (const { name, times } of rows) {
    const [median, least] = [medianOf(times), Math.min(...times)];
    console.log(
      `${name.padEnd(28)} ${median.toFixed(1).padStart(8)} ${least.toFixed(1).padStart(8)}`,
    );
  }
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(rows, null, 2));
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Our executors, and the start of an agent that runs nothing. */
async function ours(user: TestUser): Promise<readonly Row[]> {
  console.log(`${''.padEnd(28)} ${'median'.padStart(8)} ${'min'.padStart(8)}`);
  const starts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    await runScenario(user, { executors: [], runs: [] });
    starts.push(performance.now() - started);
  }
  const runs = Array.from({ length: rounds }, () => ({ args: ['true'] }));
  const result = await runScenario(user, { executors, runs });
  const rows = Object.entries(result.executors).flatMap(([name, { capability, runs }]) =>
    capability.usable
      ? [{ name: `s2oci, ${name}`, times: runs.map((one) => one.milliseconds) }]
      : [],
  );
  return [{ name: 'client and agent, start to end', times: starts }, ...rows];
}

/** The same with the tools people use today. */
async function peers(user: TestUser, directory: string): Promise<readonly Row[]> {
  const rootfs = join(directory, 'rootfs');
  await mkdir(rootfs);
  makeBusyboxRootfs(rootfs);
  await run('chown', ['-R', `${user.uid}:${user.gid}`, rootfs]);
  const storage = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'runroot')];
  const env = { XDG_RUNTIME_DIR: directory };
  const podman = [
    '--runtime',
    'runc',
    ...storage,
    'run',
    '--rm',
    '--network=host',
    '--rootfs',
    rootfs,
  ];
  const buildah = [
    '--root',
    join(directory, 'b'),
    '--runroot',
    join(directory, 'br'),
    '--storage-driver',
    'vfs',
  ];
  const from = await run('buildah', [...buildah, 'from', 'scratch'], { user, env });
  const container = from.stdout.trim();
  await must('buildah', [...buildah, 'copy', container, rootfs, '/'], user, env);
  const isolations = ['rootless', 'chroot'].map((isolation) => ({
    name: `buildah run, ${isolation}`,
    argv: [
      'buildah',
      ...buildah,
      'run',
      '--runtime',
      'runc',
      '--isolation',
      isolation,
      '--network',
      'host',
      container,
      'true',
    ],
  }));
  const all = [
    { name: 'podman run --rootfs, runc', argv: ['podman', ...podman, 'true'] },
    ...isolations,
  ];
  const rows = all.map(({ name, argv }) => ({ name, argv, times: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { argv, times } of rows) {
      const [command = '', ...args] = argv;
      const started = performance.now();
      await must(command, args, user, env);
      times.push(performance.now() - started);
    }
  }
  await run('buildah', [...buildah, 'rm', '--all'], { user, env });
  await run('buildah', ['unshare', 'rm', '-rf', join(directory, 'b'), join(directory, 'storage')], {
    user,
    env,
  });
  return rows;
}

async function must(
  command: string,
  args: readonly string[],
  user: TestUser,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { code, stderr } = await run(command, args, { user, env });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

function medianOf(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
