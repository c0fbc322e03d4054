/** Resource limits of processes (setrlimit(2), prlimit(1)) and the processors they may use (taskset(1)). */

import { readFileSync } from 'node:fs';
import type { RuntimeDeps } from '../deps.ts';
import type { ProcessLimits } from '../ports.ts';
import { parseStatus } from './identity.ts';

/** A limit by its kernel name, in capitals. */
export interface NamedLimit {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** Limits by the names that users know, and the headings of /proc/PID/limits. Those of the mark of `tag.ts` are missing. */
const headings: Readonly<Record<string, string>> = {
  as: 'Max address space',
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  stack: 'Max stack size',
};

/** The kernel counts by user, and threads too: those of the agent may be among them. The watch is exact. */
const ownThreads = 64;

/** The names of resource limits that a run can be given. */
export const resourceNames: readonly string[] = Object.keys(headings);

/** Lists the limits asked for, each lowered to this process's own hard limit: raising one is refused. */
export function namedLimits(
  limits: ProcessLimits = {},
  own: string = readFileSync('/proc/self/limits', 'utf8'),
): readonly NamedLimit[] {
  const { processes, openFiles, fileSize, resources = [] } = limits;
  const plain = {
    nproc: processes === undefined ? undefined : processes + ownThreads,
    nofile: openFiles,
    fsize: fileSize,
  };
  const wanted = [
    ...Object.entries(plain).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, soft: value, hard: value }],
    ),
    ...resources,
  ];
  return wanted.map(({ name, soft, hard }) => {
    const most = Number(
      new RegExp(`^${headings[name]}\\s+\\S+\\s+(\\d+)`, 'm').exec(own)?.[1] ?? hard,
    );
    const upper = Math.min(hard, most);
    return { name: name.toUpperCase(), soft: Math.min(soft, upper), hard: upper };
  });
}

/** Puts a command under limits by prlimit, which the command inherits. */
export function limited(
  deps: RuntimeDeps,
  limits: ProcessLimits | undefined,
  argv: readonly string[],
): readonly string[] {
  const named = namedLimits(limits);
  if (named.length === 0) return argv;
  const options = named.map(({ name, soft, hard }) => `--${name.toLowerCase()}=${soft}:${hard}`);
  return [deps.tools.find('prlimit') ?? 'prlimit', ...options, '--', ...argv];
}

/**
 * The command that keeps what follows it on as many processors as `cpus` takes; empty where that is no limit.
 * They begin anywhere, so that builds side by side do not share the first ones.
 */
export function onProcessors(
  deps: RuntimeDeps,
  cpus: number | undefined,
  status: string = readFileSync('/proc/self/status', 'utf8'),
  random: number = Math.random(),
): readonly string[] {
  const taskset = deps.tools.find('taskset');
  const allowed = expandList(parseStatus(status).get('Cpus_allowed_list') ?? '');
  if (cpus === undefined || taskset === undefined || Math.ceil(cpus) >= allowed.length) return [];
  const first = Math.floor(random * allowed.length);
  const chosen = [...allowed.slice(first), ...allowed.slice(0, first)].slice(0, Math.ceil(cpus));
  return [taskset, '--cpu-list', chosen.join()];
}

/** `0-2,7` as numbers. */
function expandList(text: string): readonly number[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}
