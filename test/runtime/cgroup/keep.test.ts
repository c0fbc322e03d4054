/** What is written into a group and read from it: plain files stand in for a memory controller that the machine cannot lend. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { applySettings, judge } from '../../../src/runtime/cgroup/keep.ts';
import { keepersText, limitNotes } from '../../../src/runtime/cgroup/notes.ts';
import { controllersFor, keepersOf } from '../../../src/runtime/cgroup/settings.ts';
import { keepLimits, killLeftovers, searchTools } from '../../../src/runtime/index.ts';
import { openDelegatedGroup } from '../../support/delegated-group.ts';

const tools = searchTools(undefined);

function directoryWith(t: Test, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 's2oci-group-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const empty = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, '']));
const memoryFiles = ['memory.max', 'memory.swap.max', 'memory.oom.group'];

t.test('limits are written as the kernel reads them', async (t) => {
  const directory = directoryWith(t, empty([...memoryFiles, 'pids.max', 'cpu.max']));
  const controllers = ['memory', 'pids', 'cpu'] as const;
  const limits = { memory: 67_108_864, processes: 50, cpus: 1.5 };
  t.same(applySettings({ directory, controllers }, limits), controllers);
  const written = (name: string) => readFileSync(join(directory, name), 'utf8');
  t.equal(written('memory.max'), '67108864');
  t.equal(written('memory.swap.max'), '0', 'swap is no way around it');
  t.equal(written('memory.oom.group'), '1', 'all of a run are killed, or none');
  t.equal(written('pids.max'), '82', 'with room for the programs of the executor');
  t.equal(written('cpu.max'), '150000 100000');
});

t.test('less than the kernel takes is as little as it takes', async (t) => {
  const directory = directoryWith(t, empty(['cpu.max']));
  applySettings({ directory, controllers: ['cpu'] }, { cpus: 0.001 });
  t.equal(readFileSync(join(directory, 'cpu.max'), 'utf8'), '1000 100000');
});

t.test(
  'a kernel without swap has no limit for it; without memory.max nothing is kept',
  async (t) => {
    const limits = { memory: 1, processes: 1 };
    const controllers = ['memory', 'pids'] as const;
    const some = directoryWith(t, empty(['memory.max', 'pids.max']));
    t.same(applySettings({ directory: some, controllers }, limits), ['memory', 'pids']);
    t.notOk(existsSync(join(some, 'memory.swap.max')), 'no file is made');
    const none = directoryWith(t, empty(['pids.max']));
    t.same(applySettings({ directory: none, controllers }, limits), ['pids']);
  },
);

t.test('how a run ended follows from the events of its group', async (t) => {
  const failed = { code: 137 };
  const events = (oom: number) =>
    `low 0\nhigh 0\nmax 12\noom ${oom}\noom_kill ${oom}\noom_group_kill ${oom}\n`;
  const killed = directoryWith(t, { 'memory.events': events(1), 'pids.events': 'max 0\n' });
  t.same(judge(killed, failed).status, { code: 137, limit: 'memory' });
  const launch = { code: 1, runtimeFailure: 'the launch ended with 137' };
  t.same(judge(killed, launch).status, { code: 137, limit: 'memory' }, 'also before it began');
  const busy = directoryWith(t, { 'memory.events': events(0), 'pids.events': 'max 0\n' });
  t.same(judge(busy, failed), { status: failed, wasRefused: false }, 'reclaim is no failure');
  const crowded = directoryWith(t, { 'pids.events': 'max 3\n' });
  t.same(judge(crowded, { code: 2 }).status, { code: 2, limit: 'processes' });
  const inside = directoryWith(t, { 'pids.events': 'max 0\n' });
  mkdirSync(join(inside, 'run'));
  writeFileSync(join(inside, 'run/pids.events'), 'max 1\n');
  t.same(judge(inside, { code: 2 }).status, { code: 2, limit: 'processes' }, 'of older kernels');
  t.same(judge(crowded, { code: 0 }), { status: { code: 0 }, wasRefused: true });
  const ended = { code: 137, limit: 'memory' } as const;
  t.same(judge(crowded, ended).status, ended, 'what was ended for another limit');
  t.same(judge(directoryWith(t, {}), failed), { status: failed, wasRefused: false });
});

t.test('what keeps each limit is told', async (t) => {
  const limits = { memory: 1, processes: 1, cpus: 0.5 };
  t.same(controllersFor({ cpus: 1 }), ['cpu']);
  t.same(controllersFor({}), []);
  const all = keepersOf(limits, ['memory', 'pids', 'cpu']);
  t.same(all, { memory: 'cgroup', processes: 'cgroup', cpus: 'cgroup' });
  t.same(limitNotes(limits, all), []);
  t.equal(keepersText(all), 'limits by a control group: memory, processes, cpus');
  const none = keepersOf(limits, []);
  t.same(none, { memory: 'watch', processes: 'watch', cpus: 'affinity' });
  t.match(limitNotes(limits, none), [
    /^memory and processes are watched/,
    '--cpus 0.5 counts as 1',
  ]);
  t.equal(keepersText(none), 'limits watched: memory, processes; by affinity: cpus');
  t.match(limitNotes({ memory: 1 }, { memory: 'watch' }), [/^memory is watched/]);
  t.equal(keepersText({}), undefined);
});

t.test('where no group can be made, everything is as without', async (t) => {
  const stateDirectory = directoryWith(t, {});
  const limits = { memory: 1, cpus: 2, openFiles: 3 };
  const parents = [directoryWith(t, {}), '/proc/1/nowhere'];
  await using kept = await keepLimits({ tools, stateDirectory }, limits, () => parents);
  t.same(kept.spec, { limits });
  t.same(kept.keepers, { memory: 'watch', cpus: 'affinity' });
  t.same(readdirSync(parents[0] ?? ''), []);
});

t.test('a daemon that a killed run left in its group goes with the group', async (t) => {
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  await using place = await openDelegatedGroup(ids);
  const stateDirectory = directoryWith(t, {});
  const given = readFileSync(join(place.directory, 'cgroup.controllers'), 'utf8').split(/\s/);
  const limits = { processes: 20, memory: 500_000_000, openFiles: 30 };
  const kept = await keepLimits({ tools, stateDirectory }, limits, () => [place.directory]);
  const others = given.includes('memory') ? {} : { memory: 500_000_000 };
  t.same(
    kept.spec.limits,
    { openFiles: 30, ...others },
    'what the kernel keeps nothing else has to',
  );
  t.type(kept.spec.group?.refusals, 'function');
  const [directory = ''] = await place.groups();
  const [file = '', ...args] = kept.spec.group?.prefix ?? [];
  const daemon = 'exec </dev/null >/dev/null 2>&1; setsid sleep 600 & exit 0';
  await once(spawn(file, [...args, 'sh', '-c', daemon], { stdio: 'ignore' }), 'exit');
  const pid = readFileSync(join(directory, 'run/cgroup.procs'), 'utf8').trim();
  t.match(pid, /^\d+$/, 'it is in the group');
  await killLeftovers(stateDirectory);
  t.same(await place.groups(), []);
  t.notOk(existsSync(`/proc/${pid}/exe`), 'and so is it');
  await kept[Symbol.asyncDispose]();
});

t.test('a record that names no group of ours is left alone', async (t) => {
  const innocent = directoryWith(t, {});
  const stateDirectory = directoryWith(t, { 'cgroup-x': innocent });
  await killLeftovers(stateDirectory);
  t.ok(existsSync(innocent));
});
