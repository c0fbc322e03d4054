/** Limits that the kernel keeps, in a control group that is delegated to an unprivileged user. */

import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { DoctorReport } from '../../src/runtime/index.ts';
import { run } from '../support/as-user.ts';
import { type DelegatedGroup, openDelegatedGroup } from '../support/delegated-group.ts';
import { builderImage } from '../support/images.ts';
import {
  leftovers,
  mountsOf,
  openWorkbench,
  processesOf,
  program,
  succeed,
  type Workbench,
} from './support.ts';

t.setTimeout(600_000);

/** Everything that a test works with. */
interface Place extends AsyncDisposable {
  readonly bench: Workbench;
  readonly group: DelegatedGroup;
  /** What the test and assemble tell each other; /sync in the sandbox. */
  readonly sync: string;
  build(assemble: string, options: readonly string[]): Promise<readonly string[]>;
}

async function openPlace(): Promise<Place> {
  const resources = new AsyncDisposableStack();
  const bench = resources.use(await openWorkbench());
  const group = resources.use(await openDelegatedGroup(bench.user));
  const { reference } = await builderImage('busybox');
  const [source, sync] = [join(bench.directory, 'source'), join(bench.directory, 'sync')];
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  await mkdir(sync);
  return {
    bench,
    group,
    sync,
    build: async (assemble, options) => {
      await writeFile(join(source, '.s2i/bin/assemble'), `#!/bin/sh\n${assemble}\n`);
      await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, bench.directory]);
      const target = `oci:${join(bench.directory, 'image')}`;
      const plain = ['--progress', 'plain', '--no-cache', '-v', `${sync}:/sync`];
      return ['build', source, reference, target, ...plain, ...options];
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function nothingLeft(t: Test, { bench, group }: Place, name: string): Promise<void> {
  t.same(await group.groups(), [], `${name}: no control group is left`);
  t.same(await processesOf(bench.home), [], `${name}: no process is left`);
  t.same(await mountsOf(bench.home), [], `${name}: no mount is left`);
  t.same(await leftovers(bench.home), [], `${name}: nothing is left in the store`);
}

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let looks = 0; looks < 3000; looks += 1) {
    const seen = await look().catch(() => undefined);
    if (seen !== undefined) return seen;
    await sleep(20);
  }
  throw new Error('what is waited for does not come');
}

/** Goes on for ever: a shell that cannot start another process ends, and begins anew in its own place. */
const stubbornBomb = 'trap \'exec sh "$0"\' EXIT\nwhile :; do sleep 300 & done 2>/dev/null';
const plainBomb = 'while :; do sleep 300 & done';

/** A limit, with what saves the machine should it not hold. */
const processLimit = ['--pids-limit', '50', '--ulimit', 'nproc=500', '--timeout', '60'];

t.test('a fork bomb ends at --pids-limit, whatever runs it', async (t) => {
  await using place = await openPlace();
  const { bench, group } = place;
  for (const executor of ['runc', 'bwrap', 'unshare', 'podman'])
    for (const [kind, bomb] of [
      ['stubborn', stubbornBomb],
      ['plain', plainBomb],
    ] as const) {
      const name = `${executor}, ${kind}`;
      const options = [...processLimit, '--executor', executor];
      const built = await bench.s2oci(await place.build(bomb, options), { enter: group.enter });
      t.equal(built.code, 11, `${name}: ${built.stderr}`);
      t.match(
        built.stderr,
        /RESOURCE_LIMIT.*assemble wanted more processes than --pids-limit allows/,
      );
      t.notMatch(built.stderr, 'watched', `${name}: the kernel keeps the limit`);
      await nothingLeft(t, place, name);
    }
});

t.test('--cpus holds to fractions of a processor, and only for the command', async (t) => {
  await using place = await openPlace();
  const { bench, group, sync } = place;
  const metadata = join(bench.directory, 'result.json');
  const limits = ['--cpus', '0.5', '--pids-limit', '100', '--timeout', '100'];
  const options = [...limits, '--metadata-file', metadata];
  const build = await place.build('nproc; while [ ! -e /sync/stop ]; do :; done', options);
  const child = bench.start(build, { enter: group.enter });
  const output = readAll(child.stderr);
  const ended = once(child, 'exit');
  const directory = await until(async () => (await group.groups())[0]);
  await until(async () => {
    const stat = await readFile(join(directory, 'cpu.stat'), 'utf8');
    return /^nr_throttled [1-9]/m.exec(stat) ?? undefined;
  });
  t.equal(await readFile(join(directory, 'cpu.max'), 'utf8'), '50000 100000\n');
  const inside = await membersOf(group, join(basename(directory), 'run'));
  const isThere = (name: RegExp) => inside.some(({ command }) => name.test(command));
  t.ok(isThere(/assemble/), 'assemble is in the group');
  t.notOk(isThere(/main\.js/), 'neither s2oci nor its agent is');
  await writeFile(join(sync, 'stop'), '');
  const [code] = await ended;
  const stderr = await output;
  t.equal(code, 0, stderr);
  t.match(stderr, '| 1\n', 'programs that count processors start no more threads than help');
  t.match(stderr, 'limits by a control group: processes, cpus');
  t.notMatch(stderr, 'counts as 1');
  t.same(JSON.parse(await readFile(metadata, 'utf8')).limits, {
    processes: 'cgroup',
    cpus: 'cgroup',
  });
  await nothingLeft(t, place, 'cpus');
});

t.test('what the group has no controller for is kept as without a group', async (t) => {
  await using place = await openPlace();
  const { bench, group } = place;
  const given = await readFile(join(group.directory, 'cgroup.controllers'), 'utf8');
  const keeper = given.split(/\s/).includes('memory') ? 'cgroup' : 'watch';
  const metadata = join(bench.directory, 'result.json');
  const options = ['--memory', '200M', '--pids-limit', '100', '--metadata-file', metadata];
  const build = await place.build('true', options);
  const built = await bench.s2oci(build, { enter: group.enter });
  succeed(t, built);
  t.same(JSON.parse(await readFile(metadata, 'utf8')).limits, {
    memory: keeper,
    processes: 'cgroup',
  });
  const isSaid = built.stderr.includes('memory is watched every quarter of a second');
  t.equal(isSaid, keeper === 'watch', built.stderr);
  const eats = 'head -c 600000000 /dev/zero | tail -c 500000000 | wc -c; sleep 300';
  const beyond = await bench.s2oci(await place.build(eats, options), { enter: group.enter });
  t.equal(beyond.code, 11, beyond.stderr);
  t.match(beyond.stderr, /RESOURCE_LIMIT.*assemble used more memory than --memory allows/);
  await nothingLeft(t, place, 'memory');
});

t.test(
  'a script that gets on without the processes it was refused is only warned of',
  async (t) => {
    await using place = await openPlace();
    const build = await place.build(`sh -c '${plainBomb}'; echo went on`, processLimit);
    const built = await place.bench.s2oci(build, { enter: place.group.enter });
    succeed(t, built);
    t.match(built.stderr, 'went on');
    t.match(built.stderr, 'processes were refused at --pids-limit');
    await nothingLeft(t, place, 'refused');
  },
);

t.test('RUN of Dockerfiles and `s2oci run` are limited the same way', async (t) => {
  await using place = await openPlace();
  const { bench, group } = place;
  const { reference } = await builderImage('busybox');
  const context = join(bench.directory, 'context');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), `FROM ${reference}\nRUN ${plainBomb}\n`);
  await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, context]);
  const limits = processLimit.slice(0, 4);
  for (const [name, command] of [
    ['RUN', ['builder', 'build', context, '-t', 'oci:built:1', ...limits]],
    ['run', ['run', ...limits, reference, 'sh', '-c', plainBomb]],
  ] as const) {
    const ended = await bench.s2oci(command, { enter: group.enter });
    t.equal(ended.code, 11, `${name}: ${ended.stderr}`);
    t.match(ended.stderr, /RESOURCE_LIMIT.*the command wanted more processes than --pids-limit/);
    await nothingLeft(t, place, name);
  }
});

t.test('the group of a killed run is removed by the next', async (t) => {
  await using place = await openPlace();
  const { bench, group, sync } = place;
  const child = bench.start(
    await place.build('touch /sync/up; sleep 300', ['--pids-limit', '50']),
    {
      enter: group.enter,
    },
  );
  child.stderr?.resume();
  child.stdout?.resume();
  const ended = once(child, 'exit');
  await until(async () => ((await readdir(sync)).includes('up') ? true : undefined));
  // so that the agent cannot clear up when it sees the client go
  const agent = (await membersOf(group, 'work')).find(({ command }) =>
    /^\S*node .*agent-main/.test(command),
  );
  process.kill(agent?.pid ?? Number.NaN, 'SIGSTOP');
  child.kill('SIGKILL');
  await ended;
  const [left = ''] = await group.groups();
  t.not(left, '', 'it is there when nobody is left to remove it');
  for (const name of ['work', join(basename(left), 'run')])
    await until(async () => ((await membersOf(group, name)).length === 0 ? true : undefined));
  succeed(t, await bench.s2oci(['store', 'prune'], { enter: group.enter }));
  await nothingLeft(t, place, 'swept');
});

t.test(
  'who says that a group keeps a limit is in one, whatever runs it, also as real root',
  async (t) => {
    await using place = await openPlace();
    const { bench, group, sync } = place;
    const metadata = join(sync, 'result.json');
    const homeOfRoot = `${bench.directory}-root`;
    t.teardown(() => rm(homeOfRoot, { recursive: true, force: true }));
    const plan = [
      ...['runc', 'bwrap', 'unshare', 'podman'].map((executor) => ({ executor, who: 'user' })),
      ...['runc', 'bwrap', 'unshare', 'chroot'].map((executor) => ({ executor, who: 'root' })),
    ];
    for (const { executor, who } of plan) {
      const name = `${executor}, ${who}`;
      const limits = ['--pids-limit', '100', '--timeout', '100', '--metadata-file', metadata];
      const script = 'i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 0.1; done';
      const build = await place.build(script, [...limits, '--executor', executor]);
      const command = build.filter((word) => word !== '-v' && !word.endsWith(':/sync'));
      const env = { S2OCI_HOME: who === 'user' ? bench.home : homeOfRoot };
      const ended = run(process.execPath, [program, ...command], {
        ...{ enter: group.enter, env, cwd: bench.directory },
        ...(who === 'user' ? { user: bench.user } : {}),
      });
      const isIn = inGroup(group, ended);
      const { code, stderr } = await ended;
      t.equal(code, 0, `${name}: ${stderr}`);
      const { processes } = JSON.parse(await readFile(metadata, 'utf8')).limits;
      t.equal(processes, name === 'runc, root' ? 'watch' : 'cgroup', name);
      t.equal(await isIn, processes === 'cgroup', `${name}: assemble is where it is said to be`);
      t.same(await group.groups(), [], `${name}: no control group is left`);
    }
  },
);

/** Whether assemble is seen in a group before a command has ended. */
async function inGroup(group: DelegatedGroup, end: Promise<unknown>): Promise<boolean> {
  let hasEnded = false;
  const over = end.finally(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    const [directory] = await group.groups();
    const name = join(basename(directory ?? 'none'), 'run');
    const members = await membersOf(group, name).catch(() => []);
    if (members.some(({ command }) => /^\S*sh \S*assemble/.test(command))) return true;
    await sleep(20);
  }
  await over;
  return false;
}

t.test('doctor says what is delegated, and leaves nothing', async (t) => {
  await using place = await openPlace();
  const { bench, group } = place;
  const findingOf = async (enter: readonly string[]) => {
    const { stdout } = await bench.s2oci(['doctor', '--json'], { enter });
    return (JSON.parse(stdout) as DoctorReport).findings.find(({ id }) => id === 'cgroup')?.detail;
  };
  t.match(await findingOf(group.enter), /^delegated to us: (memory, )?pids, cpu/);
  t.match(await findingOf([]), /^no control group is delegated to us .*EACCES/);
  await nothingLeft(t, place, 'doctor');
});

interface Member {
  readonly pid: number;
  readonly command: string;
}

/** The processes of a group below the delegated one. */
async function membersOf({ directory }: DelegatedGroup, name: string): Promise<readonly Member[]> {
  const text = await readFile(join(directory, name, 'cgroup.procs'), 'utf8');
  const pids = text.split('\n').filter((pid) => pid !== '');
  return Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(pid), command: line.replaceAll('\0', ' ') };
    }),
  );
}

async function readAll(stream: NodeJS.ReadableStream | null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
