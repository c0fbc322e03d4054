/** Which faults a sweep tries, and where. */

import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { seed } from '../property.ts';
import { type Fault, faults } from './state.ts';

/** Options for a Node whose changes of a disk are counted. */
export const withFaults = [
  '--import',
  fileURLToPath(new URL('preload.ts', import.meta.url)),
] as const;

/** A fault at the n-th call, which in a run without fault is this one. */
export interface Trial {
  readonly n: number;
  readonly fault: Fault;
  readonly call: string;
}

/** More than the calls of a run without fault: a killed one may have others before. */
const margin = 5;

/**
 * Plans a sweep over so many places and beyond, and tells the test of it. A usual run tries `sample` of them, chosen
 * by the seed, each with one fault; `S2OCI_SWEEP=all` tries every fault at every place, `each` one of them at every
 * place, `200-210` all of them at some.
 */
export function planSweep(
  t: Pick<Test, 'comment'>,
  calls: readonly string[],
  sample: number,
): readonly Trial[] {
  const places = Array.from({ length: calls.length + margin }, (_, i) => i + 1);
  const every = places.flatMap((n) =>
    faults.map((fault) => ({ n, fault, call: calls[n - 1] ?? `${n}` })),
  );
  const wanted = process.env['S2OCI_SWEEP'] ?? '';
  if (wanted === 'all') return every;
  if (wanted === 'each') return every.filter(({ n, fault }) => fault === faults[n % faults.length]);
  const [, first, last] = /^(\d+)-(\d+)$/.exec(wanted) ?? [];
  if (last !== undefined) return every.filter(({ n }) => n >= Number(first) && n <= Number(last));
  const count = Math.min(sample, every.length);
  t.comment(`${count} of ${every.length} faults, seed ${seed}`);
  // One out of each stretch, so that every part of the run has some.
  const stretch = every.length / count;
  return Array.from({ length: count }, (_, i) => {
    const within = ((seed * (i + 1) * 7919) % 1000) / 1000;
    const at = Math.floor(i * stretch) + Math.floor(within * Math.floor(stretch));
    return every[at] as Trial;
  });
}
