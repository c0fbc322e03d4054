/** Containers of runtimes that cannot be put in a pid namespace end with the process that started them. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const starter = fileURLToPath(new URL('./support/guard-starter.ts', import.meta.url));

async function start(file: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [starter, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function appears(file: string, milliseconds: number): Promise<boolean> {
  const end = performance.now() + milliseconds;
  while (!existsSync(file) && performance.now() < end) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  return existsSync(file);
}

const directory = mkdtempSync(join(tmpdir(), 's2oci-guard-'));
t.teardown(() => rmSync(directory, { recursive: true }));

t.test('a guard acts when its process is killed', async (t) => {
  const child = await start(join(directory, 'killed'));
  child.kill('SIGKILL');
  t.equal(await appears(join(directory, 'killed'), 5000), true);
});

t.test('a guard that is called off does not', async (t) => {
  const child = await start(join(directory, 'ended'));
  child.stdin?.end('end\n');
  await once(child, 'exit');
  t.equal(await appears(join(directory, 'ended'), 300), false);
});
