/**
 * Finds processes across pid namespaces.
 *
 * Where a fresh /proc is refused, /proc shows the numbers of an outer pid namespace. The `NSpid` line of
 * /proc/PID/status has a process's number in every namespace from the one of /proc inwards.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { parseStatus } from './identity.ts';

/** A process as /proc shows it. */
export interface ProcessEntry {
  /** Its directory, such as /proc/123. */
  readonly directory: string;
  /** Numbers from the pid namespace of /proc inwards. */
  readonly pids: readonly number[];
  /** The parent's number in the pid namespace of /proc. */
  readonly parent: number;
  /** It has ended and only waits for its parent to notice. */
  readonly ended: boolean;
}

/** Lists every process that /proc shows. */
export function listProcesses(): readonly ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((name) => readProcess(`/proc/${name}`))
    .filter((entry) => entry !== undefined);
}

/** Reads one process; undefined when it is gone. */
export function readProcess(directory: string): ProcessEntry | undefined {
  try {
    const status = parseStatus(readFileSync(`${directory}/status`, 'utf8'));
    const pids = (status.get('NSpid') ?? '').split(/\s+/).map(Number);
    const ended = /^[ZX]/.test(status.get('State') ?? '');
    return { directory, pids, parent: Number(status.get('PPid')), ended };
  } catch {
    return undefined;
  }
}

/** Returns what /proc shows of a child process known by its pid; undefined when it is gone. */
export function entryOfChild(pid: number): ProcessEntry | undefined {
  const depth = ownDepth();
  if (depth === 1) return readProcess(`/proc/${pid}`);
  return listProcesses().find((entry) => entry.pids[depth - 1] === pid);
}

/**
 * Returns the pid of the first process of the pid namespace that a child process made, as this process
 * would signal it; undefined when there is none.
 */
export function namespaceInitOf(pid: number): number | undefined {
  const depth = ownDepth();
  const all = listProcesses();
  const maker = all.find((entry) => entry.pids[depth - 1] === pid);
  const init = all.find(
    (entry) =>
      maker !== undefined &&
      entry.parent === maker.pids[0] &&
      entry.pids.length === depth + 1 &&
      entry.pids[depth] === 1,
  );
  return init?.pids[depth - 1];
}

function ownDepth(): number {
  return readProcess('/proc/self')?.pids.length ?? 1;
}
