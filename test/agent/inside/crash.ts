/**
 * The agent is killed, or one of its calls fails, at the n-th failpoint for n = 1, 2, ... until a build passes
 * untouched. After each the store is in order, and the same build gives the same layer. `S2OCI_SWEEP=all` does
 * everything at every one, which takes three times as long.
 */

import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { AgentProcess } from '../../../src/agent/client.ts';
import { asBuildError } from '../../../src/errors/index.ts';
import { removeTree } from '../../../src/layer/index.ts';
import { closeInheritedDescriptors } from '../../../src/runtime/index.ts';
import { noFailpoint, openStore, parseFailpoints } from '../../../src/store/index.ts';
import { run } from '../../layer/support/overlay.ts';
import { agentHere, build, idMapping, prepare, problemsOf } from './build.ts';

const faults = ['kill', 'ENOSPC', 'EIO'] as const;
/** How a build may end; without some calls it can do. */
const endings = {
  kill: ['RUNTIME_FAILED'],
  ENOSPC: ['NO_SPACE', 'IO_FAILED'],
  EIO: ['IO_FAILED'],
};
const all = process.env['S2OCI_SWEEP'] === 'all';

closeInheritedDescriptors();
const root = fs.mkdtempSync(join(tmpdir(), 's2oci-crash-'));
// In memory: nothing has to be synced, and what is mounted below goes with it.
run('mount', '-t', 'tmpfs', 'tmpfs', root);
t.teardown(() => {
  run('umount', '-l', root);
  fs.rmdirSync(root);
});
const home = join(root, 'home');
const template = join(root, 'template');
const material = await prepare(template, join(root, 'source'));

async function startAfresh(): Promise<void> {
  await removeTree(home);
  run('cp', '-a', '--', template, home);
}

async function buildHere(failpoint = noFailpoint): Promise<string> {
  await using store = await openStore(home, { failpoint });
  await using clients = await openStore(home);
  return await build(agentHere(home, store, failpoint), clients, material).catch(endOf);
}

/** Builds with a real agent that dies at a hit. */
async function buildKilled(n: number): Promise<string> {
  await using store = await openStore(home);
  await using agent = await startAgent({ S2OCI_AGENT_FAILPOINT: `*=${n}*kill` });
  const call: Parameters<typeof build>[0] = (operation, input) => agent.call(operation, input);
  return await build(call, store, material).catch(endOf);
}

async function startAgent(env: Readonly<Record<string, string>>): Promise<AgentProcess> {
  const entry = fileURLToPath(new URL('../../../src/agent/agent-main.ts', import.meta.url));
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'];
  const child = spawn('unshare', [...namespaces, process.execPath, '--no-warnings', entry], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  return AgentProcess.connect(child, {
    ...{ home, stateDirectory: join(home, 'builds'), idMapping, program: [] },
    env: { PATH: process.env['PATH'] ?? '', ...env },
  });
}

/** Builds with an agent of this process one call of which fails; notes where it was called. */
async function buildFailing(n: number, errno: string, sites: string[]): Promise<string> {
  const planned = parseFailpoints(`*=${n}*error(${errno})`, () => {});
  const end = await buildHere((site) => {
    sites.push(site);
    return planned(site);
  });
  for (const path of mountsBelow(home)) run('umount', '-l', path);
  return end;
}

/** With a real agent, its mounts end when it does. */
function mountsBelow(directory: string): readonly string[] {
  const lines = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const paths = lines.map((line) => line.split(' ')[4] ?? '');
  return paths.filter((path) => path.startsWith(`${directory}/`)).reverse();
}

function endOf(error: unknown): string {
  return asBuildError(error).code;
}

t.test('L01, L03, L05: a fault at every failpoint of the agent', async (t) => {
  t.setTimeout(900_000);
  await startAfresh();
  const sites: string[] = [];
  const digest = await buildFailing(1000, 'EIO', sites);
  t.match(digest, /^sha256:/);
  t.same(await problemsOf(home), []);
  t.comment(`${sites.length} hits: ${[...new Set(sites)].join(' ')}`);
  for (const [i, site] of [...sites, 'none'].entries()) {
    const n = i + 1;
    for (const fault of all ? faults : [faults[n % 3] ?? 'kill']) {
      await startAfresh();
      const end = fault === 'kill' ? await buildKilled(n) : await buildFailing(n, fault, []);
      const what = `${fault} at hit ${n}, ${site}: ${end}`;
      t.ok(end === digest || (site !== 'none' && endings[fault].includes(end)), what);
      t.same(await problemsOf(home), [], what);
      t.equal(await buildHere(), digest, 'the same build gives the same layer');
    }
  }
});
