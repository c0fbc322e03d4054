/** Runs the store in processes of its own; see child.ts. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withFaults } from '../support/faults/sweep.ts';

const script = fileURLToPath(new URL('child.ts', import.meta.url));

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where and as whom a process runs. */
export interface ChildOptions {
  /** Value of `S2OCI_FAILPOINT`. */
  readonly failpoint?: string | undefined;
  /** Value of `S2OCI_DISK_FAULT`; see test/support/faults. */
  readonly fault?: string;
  /** A command in front, such as `unshare`. */
  readonly prefix?: readonly string[];
}

/** Starts an action; resolves with the process when it has printed its line. */
export async function startChild(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<{ readonly child: ChildProcess; readonly line: string }> {
  const child = spawnChild(args, options);
  let line = '';
  for await (const chunk of child.stdout ?? []) {
    line += chunk;
    if (line.includes('\n')) break;
  }
  return { child, line: line.trim() };
}

/** Runs an action to its end. */
export async function runChild(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Ended> {
  const child = spawnChild(args, options);
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, stdout, stderr };
}

/** Ends a process as a power cut would and waits until it is gone. */
export async function killHard(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** What to spawn for an action. */
export function childCommand(
  args: readonly string[],
  { failpoint, fault, prefix = [] }: ChildOptions = {},
): readonly [string, readonly string[], SpawnOptions] {
  const node = [process.execPath, '--no-warnings', ...(fault === undefined ? [] : withFaults)];
  const [command = '', ...rest] = [...prefix, ...node, script, ...args];
  const { S2OCI_FAILPOINT: _, ...env } = process.env;
  return [
    command,
    rest,
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...env,
        // Most of the time of a short process is spent on stripping types.
        NODE_COMPILE_CACHE: join(tmpdir(), 's2oci-test-compile-cache'),
        ...(fault === undefined ? {} : { S2OCI_DISK_FAULT: fault }),
        ...(failpoint === undefined ? {} : { S2OCI_FAILPOINT: failpoint }),
      },
    },
  ];
}

function spawnChild(args: readonly string[], options: ChildOptions): ChildProcess {
  return spawn(...childCommand(args, options));
}
