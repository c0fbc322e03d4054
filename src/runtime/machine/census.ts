/**
 * Finds and ends the processes that a script left behind where no pid namespace holds them, whatever
 * they did to get away.
 *
 * The mark of `tag.ts` can be shaken off by a hostile process. Its age cannot: what has our id, was not
 * there before, and is the child of nobody that was there before, is a leftover.
 */

import { readFileSync, statSync } from 'node:fs';
import { kill } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { readIdentity } from './identity.ts';
import { listProcesses, readProcess } from './processes.ts';

/** A process of our user. */
export interface UserProcess {
  readonly pid: number;
  readonly parent: number;
  /** Tells it from another that gets its number later. */
  readonly identity: string;
}

/** The processes that were there at one time. */
export interface Census {
  /** Kills what came since and belongs to none of them; returns what would not go. */
  endNewcomers(): Promise<readonly UserProcess[]>;
}

const timeLimit = 5000;
const pause = 5;

/** Lists the processes that have our id, as far as /proc shows them. */
export function processesOfUser(): readonly UserProcess[] {
  const { uid } = readIdentity();
  return listProcesses().flatMap(({ directory, pids, parent, ended }) => {
    const [pid] = pids;
    if (pid === undefined || ended) return [];
    try {
      if (statSync(directory).uid !== uid) return [];
      return [{ pid, parent, identity: `${pid} ${startOf(directory)}` }];
    } catch {
      return []; // gone meanwhile
    }
  });
}

/** Remembers which processes are there now; call it while no child of this process runs. */
export function takeCensus(): Census {
  const before = new Set(processesOfUser().map(({ identity }) => identity));
  const self = readProcess('/proc/self')?.pids[0];
  return {
    endNewcomers: async () => {
      const end = performance.now() + timeLimit;
      while (true) {
        const left = newcomers(before, self);
        if (left.length === 0 || performance.now() > end) return left;
        for (const { pid } of left) tryKill(pid);
        await setTimeout(pause);
      }
    },
  };
}

/** Those of others that were there before have other work; the first process adopts what has lost its parent. */
function newcomers(before: ReadonlySet<string>, self: number | undefined): readonly UserProcess[] {
  const all = processesOfUser();
  const settled = new Set(all.filter(({ identity }) => before.has(identity)).map(({ pid }) => pid));
  const isOthers = (parent: number) => parent !== 1 && parent !== self && settled.has(parent);
  return all.filter(
    ({ pid, parent, identity }) => pid !== self && !before.has(identity) && !isOthers(parent),
  );
}

/** Clock ticks from the machine's start to the process's (proc(5), field 22). */
function startOf(directory: string): string {
  const stat = readFileSync(`${directory}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? '';
}

function tryKill(pid: number): void {
  try {
    kill(pid, 'SIGKILL');
  } catch {
    // gone meanwhile, or beyond our reach: the time limit ends the attempts
  }
}
