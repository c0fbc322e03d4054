/**
 * The agent is killed, or a call of it fails, at the n-th change of a disk for n = 1, 2, ... until a build passes
 * untouched. After each the store is in order, and the same build gives the same layers.
 *
 * A usual run takes some of the places, chosen by the seed; `S2OCI_SWEEP=all` does everything at every one.
 */

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { AgentProcess } from '../../../src/agent/client.ts';
import { asBuildError } from '../../../src/errors/index.ts';
import { removeTree } from '../../../src/layer/index.ts';
import { closeInheritedDescriptors } from '../../../src/runtime/index.ts';
import { openStore } from '../../../src/store/index.ts';
import { memoryDirectory, run } from '../../layer/support/overlay.ts';
import { arm, disarm, type Fault, listCalls } from '../../support/faults/state.ts';
import { planSweep, withFaults } from '../../support/faults/sweep.ts';
import { agentHere, type Build, type Call, idMapping, prepare, problemsOf } from './build.ts';
import { buildDockerfile } from './dockerfile-build.ts';
import { buildFromSource } from './s2i-build.ts';

/** How a build may end; without some calls it can do. A tool that fails says so in its own words, and an executor whose trial
 * fails cannot be had. */
const endings = {
  kill: ['RUNTIME_FAILED'],
  ENOSPC: ['NO_SPACE', 'IO_FAILED', 'RUNTIME_FAILED', 'RUNTIME_UNAVAILABLE'],
  EIO: ['IO_FAILED', 'RUNTIME_FAILED', 'RUNTIME_UNAVAILABLE'],
};

closeInheritedDescriptors();
const root = memoryDirectory(t);
const home = join(root, 'home');
const template = join(root, 'template');
const material = await prepare(template, join(root, 'source'));

async function startAfresh(): Promise<void> {
  await removeTree(home);
  run('cp', '-a', '--', template, home);
}

/** Builds with an agent of this process. */
async function buildHere(build: Build): Promise<string> {
  await using store = await openStore(home);
  return await build(agentHere(home, store), store, material).catch(endOf);
}

/** Builds with an agent of this process one call of which fails. */
async function buildFailing(build: Build, planned: Parameters<typeof arm>[0]): Promise<string> {
  arm(planned);
  const end = await buildHere(build).catch(endOf);
  disarm();
  for (const path of mountsBelow(home)) run('umount', '-l', path);
  return end;
}

/** Builds with a real agent that dies at a hit. */
async function buildKilled(build: Build, n: number): Promise<string> {
  await using store = await openStore(home);
  try {
    await using agent = await startAgent(`${n}*kill`);
    const call: Call = (operation, input) => agent.call(operation, input);
    return await build(call, store, material);
  } catch (error) {
    return endOf(error);
  }
}

async function startAgent(fault: string): Promise<AgentProcess> {
  const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];
  // The first process of a pid namespace cannot kill itself, so a shell is that.
  const shell = ['sh', '-c', '"$@"; exit', 'sh'];
  const node = [process.execPath, '--no-warnings', ...withFaults];
  const command = [...namespaces, ...shell, ...node, file('../../../src/agent/agent-main.ts')];
  const child = spawn('unshare', command, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
    env: { ...process.env, S2OCI_DISK_FAULT: fault },
  });
  return AgentProcess.connect(child, {
    ...{ home, stateDirectory: join(home, 'builds'), idMapping, program: [] },
    env: { PATH: process.env['PATH'] ?? '' },
  });
}

/** With a real agent, its mounts end when it does. */
function mountsBelow(directory: string): readonly string[] {
  const lines = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const paths = lines.map((line) => line.split(' ')[4] ?? '');
  return paths.filter((path) => path.startsWith(`${directory}/`)).reverse();
}

/** Files that are still open though nothing has their name any more. */
function openButGone(): readonly string[] {
  const links = fs.readdirSync('/proc/self/fd').map((fd) => `/proc/self/fd/${fd}`);
  // The listing itself is closed by now.
  const open = links.filter((link) => fs.existsSync(link));
  return open.map((link) => fs.readlinkSync(link)).filter((path) => path.endsWith(' (deleted)'));
}

function endOf(error: unknown): string {
  return asBuildError(error).code;
}

async function meet(build: Build, fault: Fault, n: number): Promise<string> {
  await startAfresh();
  return fault === 'kill' ? buildKilled(build, n) : buildFailing(build, { n, fault });
}

for (const [name, build] of Object.entries({ buildFromSource, buildDockerfile }))
  t.test(`L01, L03, L05: ${name}, a fault at every change of a disk`, async (t) => {
    t.setTimeout(7_200_000);
    await startAfresh();
    let result = '';
    const calls = await listCalls(join(root, name), async () => {
      result = await buildHere(build);
    });
    t.match(result, /^sha256:/);
    t.same(await problemsOf(home), []);
    t.ok(calls.length > 300, `${calls.length} calls`);
    for (const { n, fault, call } of planSweep(t, calls, 8)) {
      const end = await meet(build, fault, n);
      const what = `${fault} at ${call}: ${end}`;
      t.ok(end === result || endings[fault].includes(end), what);
      t.same(await problemsOf(home), [], what);
      t.equal(await buildHere(build), result, `the same build gives the same after ${what}`);
    }
    t.same(openButGone(), [], 'no call that failed left a file open');
  });
