/**
 * A command is killed, or a call of it fails, at the n-th change of a disk for n = 1, 2, ... until it passes untouched.
 * After each, the store is in order, what the user named is as it was or whole, and the same command succeeds with the
 * same result. Faults of what works in the namespace are swept in agent/crash.test.ts.
 */

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { removeTree } from '../../../src/layer/index.ts';
import { problemsOf } from '../../agent/inside/build.ts';
import { memoryDirectory, run } from '../../layer/support/overlay.ts';
import { planSweep, withFaults } from '../../support/faults/sweep.ts';
import { commands } from './commands.ts';
import { isWhole, writeSources } from './outputs.ts';

const [, , builder = ''] = process.argv;
const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
/** Exit codes of a command that met a fault: the disk (12), what ran (9, 10), or nothing at all. */
const endings = { kill: [137], ENOSPC: [0, 9, 10, 12], EIO: [0, 9, 10, 12] };

const root = memoryDirectory(t);
const work = join(root, 'work');
const log = join(root, 'calls');

/** Runs the program; with a fault or a count, its changes of disks are counted. */
function s2oci(args: readonly string[], fault?: string) {
  const counted = fault === undefined ? [] : withFaults;
  const node = ['--no-warnings', ...counted, main, ...args];
  const result = spawnSync(process.execPath, node, {
    timeout: 120_000,
    cwd: work,
    encoding: 'utf8',
    env: {
      ...{ PATH: process.env['PATH'], HOME: join(work, 'user'), LANG: 'C.UTF-8' },
      ...{ S2OCI_HOME: join(work, 'home'), XDG_RUNTIME_DIR: work, TMPDIR: root },
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...(fault === undefined ? {} : { S2OCI_DISK_FAULT: fault }),
      ...(fault === 'count' ? { S2OCI_DISK_FAULT_LOG: log } : {}),
    },
  });
  const code = result.signal === 'SIGKILL' ? 137 : (result.status ?? -1);
  return { code, told: result.stderr.slice(-2000) };
}

/** What a killed command started ends by itself, and keeps its locks until then. */
async function lastingProblems(): Promise<readonly string[]> {
  const home = join(work, 'home');
  if (!fs.existsSync(join(home, 'store'))) return [];
  for (let i = 0; ; i += 1) {
    const problems = await problemsOf(home);
    if (problems.length === 0 || i === 100) return problems;
    await sleep(100);
  }
}

async function startAfresh(before: string): Promise<void> {
  await removeTree(work);
  run('cp', '-a', '--', before, work);
}

for (const { name, setup, args, outputs, least } of commands(builder))
  t.test(`L01, L03, L05: ${name}, a fault at every change of a disk`, async (t) => {
    t.setTimeout(20_000_000);
    const before = join(root, `before-${name.replaceAll(' ', '-')}`);
    fs.mkdirSync(work, { recursive: true });
    writeSources(work);
    for (const command of setup) t.match(s2oci(command), { code: 0 }, command.join(' '));
    run('cp', '-a', '--', work, before);
    t.match(s2oci(args, 'count'), { code: 0 });
    const calls = fs.readFileSync(log, 'utf8').trimEnd().split('\n');
    fs.rmSync(log);
    t.ok(calls.length >= least, `${calls.length} calls`);
    const after = join(root, 'after');
    await removeTree(after);
    fs.renameSync(work, after);
    for (const { n, fault, call } of planSweep(t, calls, 2)) {
      await startAfresh(before);
      const { code, told } = s2oci(args, `${n}*${fault}`);
      const what = `${fault} at ${call}: exit code ${code}`;
      const isEnd = n > calls.length ? code === 0 : endings[fault].includes(code);
      t.ok(isEnd || code === 0, what, { told });
      for (const output of outputs)
        t.ok(isWhole(output, { work, before, after }), `${output} after ${what}`);
      t.same(await lastingProblems(), [], what);
      const again = s2oci(args);
      t.equal(again.code, 0, `again after ${what}`, { told: again.told });
      for (const output of outputs)
        t.ok(isWhole(output, { work, before: after, after }), `${output} again after ${what}`);
    }
    await removeTree(work);
  });
