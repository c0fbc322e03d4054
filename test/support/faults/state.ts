/**
 * Counts the calls of a process that change something on a disk, those of its threads included, and says at which of
 * them a fault happens. Nothing happens before {@link arm}.
 */

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** What can happen at a call: the process dies, or the call fails with this code. */
export const faults = ['kill', 'ENOSPC', 'EIO'] as const;

/** One of {@link faults}. */
export type Fault = (typeof faults)[number];

const logVariable = 'S2OCI_DISK_FAULT_LOG';
const key = 's2oci-disk-faults';
const [hits, due, fault] = [0, 1, 2] as const;
const never = 2 ** 31 - 1;
const sources = fileURLToPath(new URL('../../../src/', import.meta.url));

// Each thread gets what was set before it was started.
if (getEnvironmentData(key) === undefined)
  setEnvironmentData(key, new Int32Array(new SharedArrayBuffer(12)));
const state = getEnvironmentData(key) as unknown as Int32Array;
// Taken before they are replaced.
const [open, write, close] = [openSync, writeSync, closeSync];

/** Starts counting at 1; the n-th call meets the fault, none without one. */
export function arm(planned?: { readonly n: number; readonly fault: Fault }): void {
  state[hits] = 0;
  state[fault] = planned === undefined ? 0 : faults.indexOf(planned.fault);
  state[due] = planned?.n ?? never;
}

/** Counts the calls while something is done, and tells what was called from where, in order. */
export async function listCalls(log: string, action: () => Promise<unknown>): Promise<string[]> {
  process.env[logVariable] = log;
  arm();
  try {
    await action();
  } finally {
    disarm();
    delete process.env[logVariable];
  }
  return readFileSync(log, 'utf8').trimEnd().split('\n');
}

/** Stops counting. */
export function disarm(): void {
  state[due] = 0;
}

/** Parses `7*kill`, as processes get it in `S2OCI_DISK_FAULT`; `count` only counts. */
export function parseFault(text: string): Parameters<typeof arm>[0] {
  if (text === 'count') return undefined;
  const [n, name] = text.split('*');
  const found = faults.find((each) => each === name);
  if (found === undefined) throw new Error(`no fault: ${text}`);
  return { n: Number(n), fault: found };
}

/**
 * Counts a call. Where it is the one, `half` is carried out and the process dies, or an error is returned that the
 * call has to fail with.
 */
export function hit(call: string, half: () => void = () => {}): Error | undefined {
  if (state[due] === 0) return undefined;
  const n = Atomics.add(state, hits, 1) + 1;
  note(call, n);
  if (n !== state[due]) return undefined;
  state[due] = 0;
  half();
  const code = faults[state[fault] ?? 0] ?? 'kill';
  if (code !== 'kill')
    return Object.assign(new Error(`${code}: at ${call}`), { code, syscall: call });
  process.kill(process.pid, 'SIGKILL');
  // Nothing may happen after the moment of death, should the signal take its time.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

/** With a file named in the environment, each call is told there with the place that made it. */
function note(call: string, n: number): void {
  const log = process.env[logVariable];
  if (log === undefined) return;
  const frames = (new Error(call).stack ?? '').split('\n');
  const frame = frames.find((line) => line.includes(sources)) ?? '';
  const [, place = 'a stream'] = /src\/([^:]+:\d+):\d+\)?$/.exec(frame) ?? [];
  const fd = open(log, 'a');
  write(fd, `${n} ${call} ${place}\n`);
  close(fd);
}
