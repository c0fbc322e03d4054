/** Says in words why a step was not in the cache: which of its inputs differ from the last time. */

import type { Json } from '../model/index.ts';
import { type CacheStep, fingerprintOf } from './key.ts';

/** The inputs of a step as they were: fingerprint by label. */
export type RememberedInputs = ReadonlyMap<string, string>;

/** Writes down the inputs of a step; {@link parseInputs} reads them. */
export function formatInputs(step: CacheStep): Json {
  return step.inputs.map((input) => [input.label, fingerprintOf(step, input)]);
}

/** Reads remembered inputs; undefined for anything that is none. */
export function parseInputs(json: Json | undefined): RememberedInputs | undefined {
  if (!Array.isArray(json)) return undefined;
  const entries = json.filter(
    (entry): entry is [string, string] =>
      Array.isArray(entry) && entry.length === 2 && entry.every((text) => typeof text === 'string'),
  );
  return new Map(entries);
}

/** Lists what is not as it was, one phrase each, in the order of the inputs. */
export function changedInputs(step: CacheStep, before: RememberedInputs): readonly string[] {
  const now = new Set(step.inputs.map(({ label }) => label));
  return [
    ...step.inputs.flatMap((input) => {
      const known = before.get(input.label);
      if (known === fingerprintOf(step, input)) return [];
      return [`${input.label} ${known === undefined ? 'is new' : 'changed'}`];
    }),
    ...[...before.keys()].filter((label) => !now.has(label)).map((label) => `${label} is gone`),
  ];
}

/** Joins phrases into one that is no longer than a line or two. */
export function briefly(phrases: readonly string[], most = 5): string {
  const more = phrases.length - most;
  return `${phrases.slice(0, most).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
