/**
 * Cache keys: a digest over a canonical list of labelled inputs, everything that a step's result depends on.
 * Fields are length-prefixed, so no two lists have the same bytes.
 */

import { createHash } from 'node:crypto';
import { type Digest, digestOf, finishDigest } from '../model/index.ts';

/** Raised when records of earlier versions must not be used any more. */
const keyVersion = 'v1';

/** One thing that the result of a step depends on. */
export interface CacheInput {
  /** What it is, for people and for telling what changed: `source file src/app.js`, `environment DEBUG`. */
  readonly label: string;
  /** Its content, or a digest of it. */
  readonly value: string;
}

/** A step that can be cached. */
export interface CacheStep {
  /** What kind of step, such as `assemble`; part of the key. */
  readonly kind: string;
  /** Names the step from one build to the next, to tell what changed; not part of the key. */
  readonly name: string;
  /** In a fixed order; labels are unique within a step. */
  readonly inputs: readonly CacheInput[];
}

/** Computes the key of a step. */
export function cacheKeyOf(step: CacheStep): Digest {
  const hash = createHash('sha256');
  const add = (field: string): void => {
    hash.update(`${Buffer.byteLength(field)}:`).update(field);
  };
  for (const field of [keyVersion, step.kind]) add(field);
  for (const { label, value } of step.inputs) {
    add(label);
    add(value);
  }
  return finishDigest(hash);
}

/**
 * Shortens the value of an input to what tells it from another. Values can be passwords, so what is kept on disk
 * is bound to the step's name and too short to confirm a guess of one by itself.
 */
export function fingerprintOf(step: Pick<CacheStep, 'name'>, { label, value }: CacheInput): string {
  return digestOf(JSON.stringify([step.name, label, value])).slice(7, 17);
}
