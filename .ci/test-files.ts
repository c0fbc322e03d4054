/**
 * Runs test files, each as a Node process of its own, a few at a time, and writes one TAP stream.
 *
 * The files print TAP themselves. The runner of tap is not used: it loads itself into every Node process
 * that a test starts and adds variables to its environment, which is just what some tests look at.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryScratch } from './memory-scratch.ts';

/** How files are run. */
export interface TestRun {
  readonly root: string;
  /** Paths relative to the root, in the order in which they are started. */
  readonly files: readonly string[];
  readonly jobs: number;
  /** Milliseconds after which a file is ended. */
  readonly timeout: number;
  /** Takes the lines of each file at once, so that they never mix. */
  readonly write: (line: string) => void;
  /** Where files put what is temporary; the system's directory when absent. */
  readonly scratch?: Pick<MemoryScratch, 'path' | 'enter'> | undefined;
}

/** Runs all files; the promise settles when the last one has ended. */
export async function runTestFiles(run: TestRun): Promise<void> {
  const waiting = [...run.files.entries()];
  const running = new Set<ChildProcess>();
  const stop = () => {
    for (const child of running) killGroup(child);
  };
  process.once('exit', stop);
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, file] = next;
      await runFile(run, file, index + 1, running);
    }
  };
  await Promise.all(Array.from({ length: run.jobs }, worker));
  process.off('exit', stop);
}

async function runFile(
  { root, timeout, write, scratch }: TestRun,
  file: string,
  number: number,
  running: Set<ChildProcess>,
): Promise<void> {
  const started = performance.now();
  const [program = '', ...args] = [...(scratch?.enter ?? []), process.execPath, file];
  const child = spawn(program, args, {
    cwd: root,
    env: {
      FAST_CHECK_SEED: '20261121',
      // half of what a short file takes is Node reading our sources
      NODE_COMPILE_CACHE: join(root, '.tap/compiled'),
      ...process.env,
      ...(scratch === undefined ? {} : { TMPDIR: scratch.path }),
      // tap's own limit for a file, unless the file sets another: in seconds
      TAP_TIMEOUT: String((timeout * 0.8) / 1000),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  running.add(child);
  const output = collect(child);
  const end = await waitFor(child, timeout);
  running.delete(child);
  killGroup(child);
  const lines = await output();
  const planned = lines.some((line) => /^1\.\.\d+/.test(line));
  const problem = end ?? (planned ? undefined : 'it ended without a plan');
  write(`# Subtest: ${file}`);
  for (const line of lines) write(`    ${line}`);
  const time = (performance.now() - started).toFixed(0);
  write(`${problem === undefined ? 'ok' : 'not ok'} ${number} - ${file} # time=${time}ms`);
  if (problem !== undefined) write(`  ---\n  problem: ${problem}\n  ...`);
}

/** Gathers what a child prints; a straggler that keeps the pipe open is not waited for long. */
function collect(child: ChildProcess): () => Promise<readonly string[]> {
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = Promise.withResolvers<void>();
  child.once('close', () => closed.resolve());
  return async () => {
    await Promise.race([closed.promise, sleep(2000, undefined, { ref: false })]);
    return Buffer.concat(chunks).toString().split('\n');
  };
}

/** Resolves with what went wrong, or undefined. */
async function waitFor(child: ChildProcess, timeout: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => {
    resolve(`it took longer than ${timeout / 1000} seconds`);
    killGroup(child);
  }, timeout);
  child.once('error', (error) => resolve(error.message));
  child.once('exit', (code, signal) => {
    resolve(code === 0 ? undefined : `it ended with ${signal ?? `exit code ${code}`}`);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // the group has ended already
  }
}
