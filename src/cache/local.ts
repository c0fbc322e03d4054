/**
 * The cache of this machine: records beside the local store, whose layers are blobs of the store. Any number of
 * processes use it at once; a record appears whole or not at all, and the last one under a key stands.
 */

import { isJsonObject } from '../model/index.ts';
import type { Lease, Store } from '../store/index.ts';
import { formatInputs, parseInputs, type RememberedInputs } from './explain.ts';
import type { CacheStep } from './key.ts';
import { type CacheRecord, formatRecord, parseRecord } from './record.ts';

/** Kinds of record in the store. */
const resultKind = 'cache';
const inputsKind = 'cache-inputs';

/** Finds and keeps the results of steps. */
export class LocalCache {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Finds the result of a step. Its layer is in the store and stays as long as the lease; a record whose layer is
   * gone or cut off is none. Content is verified when it is read, as that of all blobs.
   */
  async find(key: string, lease: Lease): Promise<CacheRecord | undefined> {
    const record = parseRecord(await this.#store.records.read(resultKind, key));
    if (record === undefined || record.key !== key) return undefined;
    const layer = record.layer?.descriptor;
    if (layer === undefined) return record;
    await lease.add([layer.digest]);
    return (await this.#store.looksWhole(layer)) ? record : undefined;
  }

  /** Tells whether nothing at all is kept. */
  isEmpty(): Promise<boolean> {
    return this.#store.records.isEmpty(resultKind);
  }

  /** Keeps a result whose layer is in the store. */
  async keep(record: CacheRecord): Promise<void> {
    await this.#store.records.write(resultKind, record.key, formatRecord(record));
  }

  /** Returns the inputs that a step had the last time. */
  async inputsOf(step: Pick<CacheStep, 'name'>): Promise<RememberedInputs | undefined> {
    const found = await this.#store.records.read(inputsKind, step.name);
    return isJsonObject(found) ? parseInputs(found['inputs']) : undefined;
  }

  /** Remembers the inputs of a step, to tell the next time what changed. */
  async remember(step: CacheStep): Promise<void> {
    await this.#store.records.write(inputsKind, step.name, { inputs: formatInputs(step) });
  }
}
