/**
 * Watches a family of processes where no control group limits it, and one that a control group refuses processes.
 *
 * Looking every quarter of a second catches a build that outgrows its limits before the machine suffers; it
 * is no hard wall. Counted as memory is what only these processes use: anonymous and shared, resident or
 * swapped out. A family that stays above its limit of processes, or at that of its group, only multiplies, and is
 * ended; the kernel keeps it from growing much further meanwhile (RLIMIT_NPROC, pids.max).
 */

import { readFileSync } from 'node:fs';
import type { ProcessLimits, RunGroup } from '../ports.ts';
import { parseStatus } from './identity.ts';
import { listProcesses, type ProcessEntry } from './processes.ts';

/** What of a run is watched. */
export interface WatchedLimits {
  readonly memory: ProcessLimits['memory'];
  readonly processes: ProcessLimits['processes'];
  readonly refusals: RunGroup['refusals'];
}

/** A running watch. */
export interface Watchdog extends Disposable {
  /** The limit that was reached, and for which `act` was called. */
  readonly reached: 'memory' | 'processes' | undefined;
}

const interval = 250;

/** For how many looks in a row a family may be above its limit of processes, or be refused more. */
const patience = 8;

/**
 * Calls `act` once when a process and its descendants together reach one of their limits.
 *
 * @param root number of the process in the pid namespace of /proc
 */
export function watchFamily(root: number, limits: WatchedLimits, act: () => void): Watchdog {
  const { memory = Number.POSITIVE_INFINITY, processes = Number.POSITIVE_INFINITY } = limits;
  let reached: Watchdog['reached'];
  let crowded = 0;
  let refused = 0;
  const timer = setInterval(() => {
    const family = familyOf(root);
    const refusedBefore = refused;
    refused = limits.refusals?.() ?? 0;
    crowded = family.length > processes || refused > refusedBefore ? crowded + 1 : 0;
    if (crowded >= patience) reached = 'processes';
    else if (memoryOf(family) > memory) reached = 'memory';
    if (reached === undefined) return;
    clearInterval(timer);
    act();
  }, interval);
  timer.unref();
  return {
    get reached() {
      return reached;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** A process and all its descendants. */
function familyOf(root: number): readonly ProcessEntry[] {
  const all = listProcesses();
  const children = Map.groupBy(all, ({ parent }) => parent);
  const open = all.filter(({ pids }) => pids[0] === root);
  const family: ProcessEntry[] = [];
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    family.push(entry);
    open.push(...(children.get(entry.pids[0] ?? -1) ?? []));
  }
  return family;
}

function memoryOf(family: readonly ProcessEntry[]): number {
  return family.reduce((sum, entry) => sum + memoryOfOne(entry), 0);
}

function memoryOfOne({ directory }: ProcessEntry): number {
  try {
    const status = parseStatus(readFileSync(`${directory}/status`, 'utf8'));
    const kibibytes = (name: string) => Number.parseInt(status.get(name) ?? '0', 10);
    return 1024 * (kibibytes('RssAnon') + kibibytes('RssShmem') + kibibytes('VmSwap'));
  } catch {
    return 0; // gone meanwhile
  }
}
