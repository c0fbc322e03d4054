/**
 * The build cache: results of steps under keys made of all their inputs, on this machine and in registries.
 *
 * A cache never fails a build: what cannot be read is a miss, what cannot be written is a warning. Two builds
 * that miss the same key both run, and both are right.
 */

import type { BlobSource } from '../blob/index.ts';
import { asBuildError } from '../errors/index.ts';
import { type ImageDestination, type ImageSource, writtenName } from '../image/index.ts';
import type { Digest } from '../model/index.ts';
import type { Lease, Store } from '../store/index.ts';
import { type NewCacheRecord, readCacheArtifact, writeCacheArtifact } from './artifact.ts';
import { briefly, changedInputs } from './explain.ts';
import { type CacheStep, cacheKeyOf } from './key.ts';
import { LocalCache } from './local.ts';
import type { CacheExport, CacheMode } from './place.ts';
import type { CacheRecord, CacheResult } from './record.ts';

/** What a cache works through. */
export interface CacheDeps {
  readonly store: Store;
  /** Keeps the layers of hits from being evicted. */
  readonly lease: Lease;
  readonly images: {
    source(name: string): Promise<ImageSource>;
    destination(name: string): Promise<ImageDestination>;
  };
  /** Tells the user what of the cache could not be used. */
  readonly warn: (message: string) => void;
}

/** Which caches are used. */
export interface CacheOptions {
  /** False takes no result from any cache; results are kept all the same. */
  readonly read: boolean;
  /** Caches elsewhere that are read. */
  readonly from: readonly string[];
  /** Caches elsewhere that are written. */
  readonly to: readonly CacheExport[];
}

/** A result that was found. */
export interface CacheHit extends CacheResult {
  readonly found: true;
  readonly key: Digest;
  /** `this machine`, or the name of the cache that had it. */
  readonly place: string;
  /** Where the layer can be read. */
  readonly blobs: BlobSource;
  /** The image from whose repository the layer can be mounted, when it is not on this machine. */
  readonly near?: ImageSource;
}

/** There is no result, and why. */
export interface CacheMiss {
  readonly found: false;
  readonly key: Digest;
  readonly why: string;
}

/** A cache elsewhere, opened. */
interface Import {
  readonly source: ImageSource;
  readonly records: ReadonlyMap<string, CacheRecord>;
}

const here = 'this machine';

/** The caches of one build. Disposing closes the connections; {@link publish} before. */
export class BuildCache implements AsyncDisposable {
  readonly #deps: CacheDeps;
  readonly #options: CacheOptions;
  readonly #local: LocalCache;
  readonly #resources = new AsyncDisposableStack();
  readonly #used = new Map<Digest, NewCacheRecord>();
  #imports: Promise<readonly Import[]> | undefined;

  constructor(deps: CacheDeps, options: CacheOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#local = new LocalCache(deps.store);
  }

  /** Whether looking steps up can find anything; false where it is known beforehand that it cannot. */
  async mayHave(): Promise<boolean> {
    const { read, from } = this.#options;
    return read && (from.length > 0 || !(await this.#local.isEmpty()));
  }

  /** Looks for the result of a step: here first, then in the caches elsewhere, in their order. */
  async find(step: CacheStep, signal: AbortSignal): Promise<CacheHit | CacheMiss> {
    const key = cacheKeyOf(step);
    if (!this.#options.read) return { found: false, key, why: '--no-cache was given' };
    const hit = (await this.#findHere(key)) ?? (await this.#findElsewhere(key, signal));
    if (hit === undefined) return { found: false, key, why: await this.#whyNot(step) };
    const { near } = hit;
    const record = { ...hit, kind: step.kind };
    this.#used.set(key, { record, layers: hit.blobs, ...(near === undefined ? {} : { near }) });
    await this.#local.remember(step);
    return hit;
  }

  /** Keeps the result of a step that has run. Its layer is in the store. */
  async keep(step: CacheStep, result: CacheResult): Promise<void> {
    const record = { ...result, key: cacheKeyOf(step), kind: step.kind };
    await this.#local.keep(record);
    await this.#local.remember(step);
    this.#used.set(record.key, { record, layers: this.#deps.store });
  }

  /**
   * Sends what this build found or made to the caches that are written.
   *
   * @param layers of the image: a cache with `mode=min` gets results that made one of them, or none
   */
  async publish(layers: readonly Digest[], signal: AbortSignal): Promise<void> {
    for (const { name, mode } of this.#options.to) {
      try {
        await this.#publishTo(name, this.#results(mode, layers), signal);
      } catch (thrown) {
        signal.throwIfAborted();
        this.#deps.warn(`the cache ${name} was not written: ${asBuildError(thrown).message}`);
      }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  async #findHere(key: Digest): Promise<CacheHit | undefined> {
    const record = await this.#local.find(key, this.#deps.lease);
    if (record === undefined) return undefined;
    return { ...resultOf(record), found: true, key, place: here, blobs: this.#deps.store };
  }

  async #findElsewhere(key: Digest, signal: AbortSignal): Promise<CacheHit | undefined> {
    this.#imports ??= this.#readImports(signal);
    for (const { source, records } of await this.#imports) {
      const record = records.get(key);
      if (record === undefined) continue;
      const place = source.name;
      return { ...resultOf(record), found: true, key, place, blobs: source, near: source };
    }
    return undefined;
  }

  async #readImports(signal: AbortSignal): Promise<readonly Import[]> {
    const opened = this.#options.from.map(async (name) => {
      try {
        const source = this.#resources.use(await this.#deps.images.source(writtenName(name)));
        const records = await readCacheArtifact(source, signal);
        return { source, records: new Map(records.map((record) => [record.key, record])) };
      } catch (thrown) {
        signal.throwIfAborted();
        const { code, message } = asBuildError(thrown);
        // The first build of all finds no cache yet.
        if (code !== 'IMAGE_NOT_FOUND')
          this.#deps.warn(`the cache ${name} is not used: ${message}`);
        return undefined;
      }
    });
    return (await Promise.all(opened)).filter((found) => found !== undefined);
  }

  #results(mode: CacheMode, layers: readonly Digest[]): readonly NewCacheRecord[] {
    const used = [...this.#used.values()];
    if (mode === 'max') return used;
    return used.filter(({ record: { layer } }) =>
      layer === undefined ? true : layers.includes(layer.descriptor.digest),
    );
  }

  async #publishTo(
    name: string,
    results: readonly NewCacheRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    const { images } = this.#deps;
    await using source = await images.source(writtenName(name));
    const before = await readCacheArtifact(source, signal).catch((thrown: unknown) => {
      if (asBuildError(thrown).code === 'IMAGE_NOT_FOUND') return [];
      throw thrown;
    });
    await using destination = await images.destination(name);
    await writeCacheArtifact(destination, results, before, signal);
  }

  async #whyNot(step: CacheStep): Promise<string> {
    const before = await this.#local.inputsOf(step);
    if (before === undefined) return 'it was not built here before';
    const changes = changedInputs(step, before);
    return changes.length === 0 ? 'its result is not kept any more' : briefly(changes);
  }
}

function resultOf({ layer, facts }: CacheRecord): CacheResult {
  return layer === undefined ? { facts } : { layer, facts };
}
