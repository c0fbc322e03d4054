/**
 * Marks a process and all its descendants where no pid namespace can hold them together.
 *
 * The mark is an odd value of two resource limits nobody uses (POSIX message queues and pending
 * signals). Limits are inherited through everything a daemon does to get away, are not part of the
 * environment a build could record, and /proc/PID/limits shows them to everybody. A hostile process can
 * lower its own limits and lose the mark: this finds leftovers, it does not confine.
 */

import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kill } from 'node:process';
import type { RuntimeDeps } from '../deps.ts';
import { listProcesses } from './processes.ts';

/** A mark on a family of processes. */
export interface ProcessTag {
  /** Starts a command that carries the mark. */
  readonly prefix: readonly string[];
  /** Kills every process with the mark, again and again until none is left or time is up. */
  killAll(): Promise<void>;
}

/** What is taken off the limits that this process has. */
const range = 4096;
const timeLimit = 2000;

const recordPrefix = 'tag-';

/** The values that make a mark. */
interface Mark {
  readonly queue: number;
  readonly signals: number;
}

/**
 * Makes a mark and records it in the state directory, so that whoever finds the directory abandoned can
 * still end what carries it. Undefined without prlimit, or where the limits are too low to tell marks apart.
 */
export function createTag(
  deps: RuntimeDeps,
  own: string = readFileSync('/proc/self/limits', 'utf8'),
): ProcessTag | undefined {
  const prlimit = deps.tools.find('prlimit');
  const queue = hardLimit(own, 'Max msgqueue size');
  const signals = hardLimit(own, 'Max pending signals');
  if (prlimit === undefined || queue < 2 * range || signals < 2 * range) return undefined;
  const mark = { queue: queue - randomInt(1, range), signals: signals - randomInt(1, range) };
  const record = join(deps.stateDirectory, `${recordPrefix}${mark.queue}-${mark.signals}`);
  writeFileSync(record, '', { mode: 0o600 });
  return {
    prefix: [prlimit, `--msgqueue=${mark.queue}`, `--sigpending=${mark.signals}`, '--'],
    killAll: async () => {
      await killAll(mark);
      rmSync(record, { force: true });
    },
  };
}

/** Ends the processes that a killed agent left behind, by the marks recorded in its state directory. */
export async function killMarked(stateDirectory: string): Promise<void> {
  for (const name of readdirSync(stateDirectory)) {
    const [, queue, signals] = /^tag-(\d+)-(\d+)$/.exec(name) ?? [];
    if (queue === undefined || signals === undefined) continue;
    await killAll({ queue: Number(queue), signals: Number(signals) });
    rmSync(join(stateDirectory, name), { force: true });
  }
}

function isMarked(limits: string, mark: Mark): boolean {
  return (
    hardLimit(limits, 'Max msgqueue size') === mark.queue &&
    hardLimit(limits, 'Max pending signals') === mark.signals
  );
}

async function killAll(mark: Mark): Promise<void> {
  const end = performance.now() + timeLimit;
  while (performance.now() < end) {
    const living = listProcesses().filter(
      (entry) => !entry.ended && isMarked(readOr(`${entry.directory}/limits`), mark),
    );
    if (living.length === 0) return;
    for (const entry of living) tryKill(entry.pids.at(0));
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

function tryKill(pid: number | undefined): void {
  try {
    if (pid !== undefined) kill(pid, 'SIGKILL');
  } catch {
    // gone meanwhile, or beyond our reach: the time limit ends the attempts
  }
}

function hardLimit(limits: string, title: string): number {
  return Number(new RegExp(`^${title}\\s+\\S+\\s+(\\d+)`, 'm').exec(limits)?.[1] ?? 0);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
