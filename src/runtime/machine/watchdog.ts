/**
 * Watches the memory of a family of processes where no control group can limit it.
 *
 * Looking every quarter of a second catches a build that outgrows its limit before the machine suffers; it
 * is no hard wall. Counted is what only these processes use: anonymous and shared memory that is resident.
 */

import { readFileSync } from 'node:fs';
import { parseStatus } from './identity.ts';
import { listProcesses, type ProcessEntry } from './processes.ts';

/** A running watch. */
export interface Watchdog extends Disposable {
  /** Whether the limit was reached, and `act` called. */
  readonly reached: boolean;
}

const interval = 250;

/**
 * Calls `act` once when a process and its descendants together use more than `limit` bytes.
 *
 * @param root number of the process in the pid namespace of /proc
 */
export function watchMemory(root: number, limit: number, act: () => void): Watchdog {
  let reached = false;
  const timer = setInterval(() => {
    if (reached || memoryOfFamily(root) <= limit) return;
    reached = true;
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

/** Sums up the memory of a process and all its descendants, in bytes. */
export function memoryOfFamily(root: number): number {
  const all = listProcesses();
  const children = Map.groupBy(all, ({ parent }) => parent);
  const open = all.filter(({ pids }) => pids[0] === root);
  let sum = 0;
  for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
    sum += memoryOf(entry);
    open.push(...(children.get(entry.pids[0] ?? -1) ?? []));
  }
  return sum;
}

function memoryOf({ directory }: ProcessEntry): number {
  try {
    const status = parseStatus(readFileSync(`${directory}/status`, 'utf8'));
    const kibibytes = (name: string) => Number.parseInt(status.get(name) ?? '0', 10);
    return 1024 * (kibibytes('RssAnon') + kibibytes('RssShmem') + kibibytes('VmSwap'));
  } catch {
    return 0; // gone meanwhile
  }
}
