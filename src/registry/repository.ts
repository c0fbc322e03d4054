/**
 * A repository of a registry: the operations of the distribution protocol with retry, verification,
 * mirrors and limits, as the rest of s2oci and library users see them.
 */

import type { Readable } from 'node:stream';
import type { OpenBlob, PutOptions, PutOutcome } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import { type Descriptor, type Digest, isDigest, isTag, type Reference } from '../model/index.ts';
import { deleteBlob, headBlob } from './endpoints/blobs.ts';
import { nameOf } from './endpoints/place.ts';
import { byNearness } from './locations.ts';
import { listReferrers, listTags } from './operations/list.ts';
import { fetchManifest, openBlob, resolveManifest } from './operations/pull.ts';
import { pushManifest } from './operations/push.ts';
import { removeManifest } from './operations/remove.ts';
import { boundedSignal, type RepositoryState, runSmall } from './operations/state.ts';
import { uploadBlob } from './transfer/upload.ts';

/** One repository. Made by {@link RegistryClient.repository}. */
export class Repository {
  readonly #state: RepositoryState;
  readonly #puts = new Map<Digest, Promise<PutOutcome>>();

  constructor(state: RepositoryState) {
    this.#state = state;
  }

  /** The name as in the reference, without tag and digest. */
  get reference(): Pick<Reference, 'registry' | 'repository'> {
    const { registry, repository } = this.#state;
    return { registry, repository };
  }

  /**
   * Pins a tag or digest: returns the descriptor of its manifest or index, asking for headers only where
   * the registry's answer is good enough.
   *
   * @throws BuildError `IMAGE_NOT_FOUND`, `MEDIA_TYPE_UNSUPPORTED` and the errors of the registry
   */
  async resolve(selector: string, signal?: AbortSignal): Promise<Descriptor> {
    checkSelector(selector);
    return resolveManifest(this.#state, selector, this.#bound(signal));
  }

  /**
   * Fetches the exact bytes of a manifest or index, verified and checked to be what its media type says.
   *
   * @throws BuildError `IMAGE_NOT_FOUND`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `MANIFEST_INVALID`, `LIMIT_EXCEEDED`
   */
  async fetchManifest(descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    return fetchManifest(this.#state, descriptor, this.#bound(signal));
  }

  /**
   * Opens a blob as a verified stream that continues after cuts. One of the registry's transfer slots is
   * held until the stream has ended or is destroyed, so open one only when it is read.
   *
   * @throws BuildError `BLOB_NOT_FOUND`; the stream fails with `SIZE_MISMATCH` or `DIGEST_MISMATCH`, which
   * are worth one more try
   */
  async openBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable> {
    return openBlob(this.#state, descriptor, this.#bound(signal));
  }

  /** Tells whether the repository has a blob. */
  async hasBlob(descriptor: Descriptor, signal?: AbortSignal): Promise<boolean> {
    const { place } = this.#state;
    const bound = this.#bound(signal);
    const what = `look for ${nameOf(place, descriptor.digest)}`;
    return runSmall(place, { what }, bound, () => headBlob(place, descriptor, bound));
  }

  /**
   * Makes a blob present, moving as few bytes as possible: it may be there, or be mounted from another
   * repository. Several calls for one digest share one transfer. `open` is kept until the client is
   * dropped, should the registry lose the blob before the manifest comes.
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

  /**
   * Stores a manifest or index byte for byte and moves tags to it; without tags it is reachable by digest
   * only. All that it refers to must have been put before. Returns its digest.
   */
  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    tags: readonly string[] = [],
    signal?: AbortSignal,
  ): Promise<Digest> {
    for (const tag of tags) checkSelector(tag);
    return pushManifest(this.#state, { bytes, mediaType, tags }, this.#bound(signal));
  }

  /** Lists all tags, sorted, without duplicates. */
  async tags(signal?: AbortSignal): Promise<readonly string[]> {
    return listTags(this.#state, this.#bound(signal));
  }

  /** Lists the manifests that refer to one, as descriptors with artifact type and annotations. */
  async referrers(
    digest: Digest,
    options: { readonly artifactType?: string; readonly signal?: AbortSignal } = {},
  ): Promise<readonly Descriptor[]> {
    const bound = this.#bound(options.signal);
    return listReferrers(this.#state, digest, options.artifactType, bound);
  }

  /**
   * Deletes a tag, or a manifest by digest.
   *
   * @throws BuildError `IMAGE_NOT_FOUND`; `REGISTRY_REFUSED` where the registry does not delete
   */
  async deleteManifest(selector: string, signal?: AbortSignal): Promise<void> {
    checkSelector(selector);
    return removeManifest(this.#state, selector, this.#bound(signal));
  }

  /** Deletes a blob. */
  async deleteBlob(digest: Digest, signal?: AbortSignal): Promise<void> {
    const { place } = this.#state;
    const bound = this.#bound(signal);
    const operation = {
      what: `delete ${nameOf(place, digest)}`,
      notFound: 'BLOB_NOT_FOUND',
    } as const;
    return runSmall(place, operation, bound, () => deleteBlob(place, digest, bound));
  }

  async #put(descriptor: Descriptor, open: OpenBlob, options: PutOptions): Promise<PutOutcome> {
    const { place, registry, repository, locations, known } = this.#state;
    const { mountFrom, onProgress } = options;
    const seen = byNearness(repository, await locations.find(registry, descriptor.digest));
    const sources = [...new Set([...(mountFrom === undefined ? [] : [mountFrom]), ...seen])];
    const progress = onProgress === undefined ? {} : { onProgress };
    const bound = this.#bound(options.signal);
    known.set(descriptor.digest, { descriptor, open });
    const outcome = await place.host.limits.push(() =>
      uploadBlob(place, { descriptor, open, mountFrom: sources, ...progress }, bound),
    );
    await locations.record(registry, repository, descriptor.digest);
    return outcome;
  }

  #bound(signal: AbortSignal | undefined): AbortSignal {
    return boundedSignal(this.#state.context, signal);
  }
}

function checkSelector(selector: string): void {
  if (isDigest(selector) || isTag(selector)) return;
  throw new BuildError(
    'REFERENCE_INVALID',
    `neither a tag nor a digest: ${JSON.stringify(selector)}`,
  );
}
