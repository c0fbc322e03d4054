/** The port through which results of steps are found and kept; `BuildCache` of cache/ is one. */

import type { BlobSource } from '../blob/index.ts';
import type { ImageSource } from '../image/index.ts';
import type { Descriptor, Digest, Json } from '../model/index.ts';

/** A step that can be cached, by everything that its result depends on. */
export interface CacheStep {
  readonly kind: string;
  /** Names the step from one build to the next, to tell what changed. */
  readonly name: string;
  /** In a fixed order; labels are unique within a step. */
  readonly inputs: readonly { readonly label: string; readonly value: string }[];
}

/** The result of a step. */
export interface CacheResult {
  /** Absent when the step changed no file. */
  readonly layer?: { readonly descriptor: Descriptor; readonly diffId: Digest };
  readonly facts: Json;
}

/** A result that was found, and where its layer can be read. */
export interface CacheHit extends CacheResult {
  readonly found: true;
  readonly place: string;
  readonly blobs: BlobSource;
  readonly near?: ImageSource;
}

/** There is no result, and why. */
export interface CacheMiss {
  readonly found: false;
  readonly why: string;
}

/** Finds and keeps results. It never fails a build. */
export interface StepCache {
  find(step: CacheStep, signal: AbortSignal): Promise<CacheHit | CacheMiss>;
  keep(step: CacheStep, result: CacheResult): Promise<void>;
}
