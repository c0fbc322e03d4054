/** Resource limits of processes (setrlimit(2), prlimit(1)). */

import { readFileSync } from 'node:fs';
import type { RuntimeDeps } from '../deps.ts';
import type { ProcessLimits } from '../ports.ts';

/** A limit by its kernel name. */
export interface NamedLimit {
  readonly name: 'NPROC' | 'NOFILE' | 'FSIZE';
  readonly value: number;
}

const titles = [
  { key: 'processes', name: 'NPROC', title: 'Max processes' },
  { key: 'openFiles', name: 'NOFILE', title: 'Max open files' },
  { key: 'fileSize', name: 'FSIZE', title: 'Max file size' },
] as const;

/** Lists the limits asked for, each lowered to this process's own hard limit: raising one is refused. */
export function namedLimits(
  limits: ProcessLimits = {},
  own: string = readFileSync('/proc/self/limits', 'utf8'),
): readonly NamedLimit[] {
  return titles.flatMap(({ key, name, title }) => {
    const wanted = limits[key];
    if (wanted === undefined) return [];
    const hard = new RegExp(`^${title}\\s+\\S+\\s+(\\d+)`, 'm').exec(own)?.[1];
    return [{ name, value: hard === undefined ? wanted : Math.min(wanted, Number(hard)) }];
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
  const options = named.map(({ name, value }) => `--${name.toLowerCase()}=${value}`);
  return [deps.tools.find('prlimit') ?? 'prlimit', ...options, '--', ...argv];
}
