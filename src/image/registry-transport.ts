/**
 * A registry repository as a place images come from and go to.
 */

import type { Readable } from 'node:stream';
import type { OpenBlob, PutOptions, PutOutcome } from '../blob/index.ts';
import { asBuildError } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  formatReference,
  manifestSelector,
  type Reference,
} from '../model/index.ts';
import type { RegistryClient, Repository } from '../registry/index.ts';
import type { CurrentImage, ImageDestination, ImageSource, PutManifestOptions } from './ports.ts';

/** The most tags that are asked for their images before one is deleted. */
const maxTagsAsked = 200;

/** An image in a registry, readable and writable. */
export type RegistryImage = ImageSource & ImageDestination & { readonly reference: Reference };

/**
 * Makes the image that a reference names. Without tag and digest it is `latest`. The client stays the
 * caller's; disposing the image does not close it.
 */
export function registryImage(client: RegistryClient, reference: Reference): RegistryImage {
  return new RegistryTransport(client.repository(reference), reference);
}

class RegistryTransport implements RegistryImage {
  readonly reference: Reference;
  readonly name: string;
  readonly family = 'any';
  readonly holdsReferrers = true;
  readonly #repository: Repository;

  constructor(repository: Repository, reference: Reference) {
    const { digest: _, ...withoutDigest } = reference;
    this.#repository = repository;
    this.reference = reference;
    this.name = formatReference(withoutDigest);
  }

  resolve(signal?: AbortSignal): Promise<Descriptor> {
    return this.#repository.resolve(manifestSelector(this.reference), signal);
  }

  readManifest(descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#repository.fetchManifest(descriptor, signal);
  }

  referrers(
    subject: Digest,
    artifactType: string,
    signal?: AbortSignal,
  ): Promise<readonly Descriptor[]> {
    const options = signal === undefined ? {} : { signal };
    return this.#repository.referrers(subject, { artifactType, ...options });
  }

  open(descriptor: Descriptor, signal?: AbortSignal): Promise<Readable> {
    return this.#repository.openBlob(descriptor, signal);
  }

  put(descriptor: Descriptor, open: OpenBlob, options?: PutOptions): Promise<PutOutcome> {
    return this.#repository.putBlob(descriptor, open, options);
  }

  mountableFrom(source: ImageSource): string | undefined {
    if (!(source instanceof RegistryTransport)) return undefined;
    const { registry, repository } = source.reference;
    return registry === this.reference.registry ? repository : undefined;
  }

  async current(signal?: AbortSignal): Promise<CurrentImage | undefined> {
    const tag = this.reference.tag ?? 'latest';
    const found = await this.#repository.resolve(tag, signal).catch(ifGone);
    if (found === undefined) return undefined;
    const { digest } = found;
    return { digest, reference: formatReference({ ...this.reference, digest }) };
  }

  async removePrevious(digest: Digest, signal?: AbortSignal): Promise<string | undefined> {
    const tags = await this.#repository.tags(signal);
    if (tags.length > maxTagsAsked) return `${this.name} has too many tags to ask for all`;
    for (const tag of tags) {
      const named = await this.#repository.resolve(tag, signal).catch(ifGone);
      if (named?.digest === digest) return `the tag ${tag} is the same image`;
    }
    const options = signal === undefined ? {} : { signal };
    for (const referrer of await this.#repository.referrers(digest, options))
      await this.#repository.deleteManifest(referrer.digest, signal);
    await this.#repository.deleteManifest(digest, signal);
    return undefined;
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    options: PutManifestOptions,
  ): Promise<string> {
    const tags = options.tag ? [this.reference.tag ?? 'latest'] : [];
    const digest = await this.#repository.putManifest(bytes, mediaType, tags, options.signal);
    return formatReference({ ...this.reference, digest });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The client owns the connections.
  }
}

function ifGone(thrown: unknown): undefined {
  if (asBuildError(thrown).code !== 'IMAGE_NOT_FOUND') throw thrown;
}
