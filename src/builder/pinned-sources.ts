/**
 * Sources of COPY and ADD whose content is known without looking at it: files out of layers, and downloads with a checksum.
 * With these a step can be found in the cache before anything is fetched, unpacked or hashed.
 */

import { chainOf } from './stage-state.ts';
import type { Step, StepContext } from './step.ts';
import type { CacheStep } from './step-cache.ts';

/** Returns the input of a cache key that stands for all files of an instruction; undefined when they have to be looked at. */
export async function pinnedInput(
  context: StepContext,
  step: Step<'copy' | 'add'>,
): Promise<CacheStep['inputs'][number] | undefined> {
  if (step.inline.length > 0) return undefined;
  if (step.from !== undefined) {
    const { layers } = await context.input(step.from);
    const value = JSON.stringify([chainOf({ layers }) ?? 'empty', step.sources]);
    return { label: 'files of another stage or image', value };
  }
  if (step.kind !== 'add' || step.checksum === undefined) return undefined;
  const areFiles = step.sources.every((source) => /^https?:\/\/[^#]+$/i.test(source));
  return areFiles
    ? { label: 'files of a server', value: JSON.stringify([step.checksum, step.sources]) }
    : undefined;
}
