/** What is written into a control group for the limits of a run, and what it tells afterwards (cgroup-v2.rst). */

import type { LimitKeepers, ProcessLimits } from '../ports.ts';

/** The controllers that keep limits. */
export const controllers = ['memory', 'pids', 'cpu'] as const;

/** A controller that keeps a limit. */
export type Controller = (typeof controllers)[number];

/** The limits that a control group can keep. */
export type GroupLimits = Pick<ProcessLimits, 'memory' | 'processes' | 'cpus'>;

/** One file of a group. */
export interface Setting {
  readonly file: string;
  readonly value: string;
  /** Kernels may be built without it. */
  readonly optional?: true;
}

/**
 * The programs of an executor (unshare, bubblewrap, runc with its threads) are in the group too, and are no processes of the
 * run.
 */
const ownTasks = 32;

/** Microseconds; the kernel's own default, and the least quota that it takes. */
const period = 100_000;
const leastQuota = 1000;

/** Lists the controllers that limits need. */
export function controllersFor({ memory, processes, cpus }: GroupLimits): readonly Controller[] {
  const needed = { memory, pids: processes, cpu: cpus };
  return controllers.filter((name) => needed[name] !== undefined);
}

/**
 * Lists what a controller is told for the limits of a run that has them.
 *
 * Memory includes swap, as nobody wants to wait for a build that swaps; when it is used up, all processes of
 * the run are killed, because a build without some of its processes goes wrong in ways that are harder to see.
 */
export function settingsFor(
  controller: Controller,
  { memory = 0, processes = 0, cpus = 0 }: GroupLimits,
): readonly Setting[] {
  switch (controller) {
    case 'memory':
      return [
        { file: 'memory.max', value: String(memory) },
        { file: 'memory.swap.max', value: '0', optional: true },
        { file: 'memory.oom.group', value: '1', optional: true },
      ];
    case 'pids':
      return [{ file: 'pids.max', value: String(processes + ownTasks) }];
    case 'cpu':
      return [{ file: 'cpu.max', value: `${quotaOf(cpus)} ${period}` }];
  }
}

function quotaOf(cpus: number): number {
  return Math.max(leastQuota, Math.round(cpus * period));
}

/** Tells what keeps each limit, where a group keeps some of them. */
export function keepersOf(
  { memory, processes, cpus }: GroupLimits,
  kept: readonly Controller[],
): LimitKeepers {
  const by = <T>(controller: Controller, other: T) =>
    kept.includes(controller) ? 'cgroup' : other;
  return {
    ...(memory === undefined ? {} : { memory: by('memory', 'watch') }),
    ...(processes === undefined ? {} : { processes: by('pids', 'watch') }),
    ...(cpus === undefined ? {} : { cpus: by('cpu', 'affinity') }),
  };
}

/** Reads a number of a file of `name number` lines; 0 where there is none. */
export function eventCount(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}
