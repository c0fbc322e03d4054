/**
 * A repository of a registry: the operations of the distribution protocol with retry, verification and
 * limits, as the rest of s2oci and library users see them.
 */

import { Readable } from 'node:stream';
import type { OpenBlob, PutOptions, PutOutcome } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  digestOf,
  isDigest,
  isTag,
  parseManifest,
  type Reference,
} from '../model/index.ts';
import type { Context } from './context.ts';
import { headBlob } from './endpoints/blobs.ts';
import { getManifest, headManifest, putManifest } from './endpoints/manifests.ts';
import { nameOf, type Place } from './endpoints/place.ts';
import { firstTagPage, getTagPage, type TagPage } from './endpoints/tags.ts';
import type { RegistryHost } from './host/host.ts';
import { withRetry } from './host/retry.ts';
import { type BlobLocations, byNearness } from './locations.ts';
import { openDownload } from './transfer/download.ts';
import { uploadBlob } from './transfer/upload.ts';

/** What a repository is made from. */
export interface RepositoryDeps {
  readonly context: Context;
  readonly hostOf: (registry: string, insecure: boolean) => RegistryHost;
  readonly locations: BlobLocations;
}

/** One repository. */
export class Repository {
  /** Host as in references. */
  readonly registry: string;
  readonly repository: string;
  readonly #deps: RepositoryDeps;
  readonly #place: Place;
  readonly #puts = new Map<Digest, Promise<PutOutcome>>();

  constructor(deps: RepositoryDeps, reference: Pick<Reference, 'registry' | 'repository'>) {
    this.#deps = deps;
    this.registry = reference.registry;
    this.repository = reference.repository;
    this.#place = {
      host: deps.hostOf(reference.registry, false),
      repository: reference.repository,
    };
  }

  /**
   * Pins a tag or digest: returns the descriptor of its manifest or index, asking for headers only where
   * the registry's answer is good enough.
   *
   * @throws BuildError `IMAGE_NOT_FOUND`, `MEDIA_TYPE_UNSUPPORTED` and the errors of the registry
   */
  async resolve(selector: string, signal?: AbortSignal): Promise<Descriptor> {
    checkSelector(selector);
    return this.#small(`resolve ${nameOf(this.#place, selector)}`, signal, async (limit) => {
      const known = await headManifest(this.#place, selector, limit);
      if (known !== undefined) return known;
      const expected = isDigest(selector) ? { digest: selector } : {};
      const { bytes, contentType, digest } = await getManifest(
        this.#place,
        selector,
        expected,
        limit,
      );
      const { mediaType } = parseManifest(bytes, contentType, nameOf(this.#place, selector));
      return { mediaType, digest, size: bytes.length };
    });
  }

  /**
   * Fetches the exact bytes of a manifest or index, verified and checked to be what its media type says.
   *
   * @throws BuildError `IMAGE_NOT_FOUND`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `MANIFEST_INVALID`, `LIMIT_EXCEEDED`
   */
  async fetchManifest(descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    const { digest } = descriptor;
    const name = nameOf(this.#place, digest);
    return this.#small(`fetch the manifest ${name}`, signal, async (limit) => {
      const { bytes, contentType } = await getManifest(this.#place, digest, descriptor, limit);
      parseManifest(bytes, contentType, name);
      return bytes;
    });
  }

  /**
   * Opens a blob as a verified stream that continues after cuts. One of the registry's transfer slots is
   * held until the stream has ended or is destroyed.
   *
   * @throws BuildError `BLOB_NOT_FOUND`; the stream fails with `SIZE_MISMATCH` or `DIGEST_MISMATCH`
   */
  async openBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable> {
    if (descriptor.data !== undefined) {
      return Readable.from([Buffer.from(descriptor.data, 'base64')], { objectMode: false });
    }
    if (descriptor.size === 0 && digestOf('') === descriptor.digest) return Readable.from([]);
    const limit = this.#limit(signal);
    const release = await takeSlot(this.#place.host, limit);
    try {
      const stream = await openDownload(this.#place, descriptor, limit);
      stream.once('close', release);
      return stream;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Tells whether the repository has a blob. */
  async hasBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean> {
    return this.#small(`look for ${nameOf(this.#place, descriptor.digest)}`, signal, (limit) =>
      headBlob(this.#place, descriptor, limit),
    );
  }

  /**
   * Makes a blob present, moving as few bytes as possible: it may be there, or be mounted from another
   * repository. Several calls for one digest share one transfer.
   */
  putBlob(descriptor: Descriptor, open: OpenBlob, options: PutOptions = {}): Promise<PutOutcome> {
    const pending = this.#puts.get(descriptor.digest);
    if (pending !== undefined) return pending;
    const put = this.#put(descriptor, open, options).finally(() =>
      this.#puts.delete(descriptor.digest),
    );
    this.#puts.set(descriptor.digest, put);
    return put;
  }

  /** Stores a manifest or index under its digest or a tag, byte for byte; returns its digest. */
  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    selector?: string,
    signal?: AbortSignal,
  ): Promise<Digest> {
    const digest = isDigest(selector) ? selector : digestOf(bytes);
    const target = selector ?? digest;
    checkSelector(target);
    await this.#small(`push the manifest of ${nameOf(this.#place, target)}`, signal, (limit) =>
      putManifest(this.#place, { selector: target, bytes, mediaType, digest }, limit),
    );
    return digest;
  }

  /** Lists all tags, sorted, without duplicates. */
  async tags(signal?: AbortSignal): Promise<readonly string[]> {
    const found = new Set<string>();
    const { pages } = this.#deps.context.settings.limits;
    let path: string | URL | undefined = firstTagPage;
    for (let page = 0; path !== undefined && page < pages; page += 1) {
      const asked: string | URL = path;
      const { tags, next }: TagPage = await this.#small(
        `list the tags of ${nameOf(this.#place)}`,
        signal,
        (limit) => getTagPage(this.#place, asked, limit),
      );
      const before = found.size;
      for (const tag of tags) found.add(tag);
      path = found.size > before ? next : undefined;
    }
    return [...found].toSorted();
  }

  async #put(descriptor: Descriptor, open: OpenBlob, options: PutOptions): Promise<PutOutcome> {
    const { host, repository } = this.#place;
    const { locations } = this.#deps;
    const { mountFrom, onProgress } = options;
    const seen = byNearness(repository, await locations.find(this.registry, descriptor.digest));
    const sources = [...new Set([...(mountFrom === undefined ? [] : [mountFrom]), ...seen])];
    const limit = this.#limit(options.signal);
    const outcome = await host.limits.push(() =>
      uploadBlob(
        this.#place,
        {
          descriptor,
          open,
          mountFrom: sources,
          ...(onProgress === undefined ? {} : { onProgress }),
        },
        limit,
      ),
    );
    await locations.record(this.registry, repository, descriptor.digest);
    return outcome;
  }

  /** Runs a small request with retry in the lane for such requests. */
  #small<T>(
    what: string,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const limit = this.#limit(signal);
    const { host } = this.#place;
    return host.limits.small(() =>
      withRetry(host, { what, notFound: 'IMAGE_NOT_FOUND' }, limit, () => work(limit)),
    );
  }

  #limit(signal: AbortSignal | undefined): AbortSignal {
    const total = AbortSignal.timeout(this.#deps.context.settings.timeouts.totalMs);
    return signal === undefined ? total : AbortSignal.any([signal, total]);
  }
}

function checkSelector(selector: string): void {
  if (isDigest(selector) || isTag(selector)) return;
  throw new BuildError(
    'REFERENCE_INVALID',
    `neither a tag nor a digest: ${JSON.stringify(selector)}`,
  );
}

/** Waits for a pull slot; the returned function gives it back. */
function takeSlot(host: RegistryHost, signal: AbortSignal): Promise<() => void> {
  return new Promise((resolve, reject) => {
    host.limits
      .pull(() => {
        signal.throwIfAborted();
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}
