/**
 * A registry repository as a place images come from and go to.
 */

import type { Readable } from 'node:stream';
import type { OpenBlob, PutOptions, PutOutcome } from '../blob/index.ts';
import { asBuildError } from '../errors/index.ts';
import {
  type Descriptor,
  formatReference,
  manifestSelector,
  type Reference,
} from '../model/index.ts';
import type { RegistryClient, Repository } from '../registry/index.ts';
import type { CurrentImage, ImageDestination, ImageSource, PutManifestOptions } from './ports.ts';

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
    try {
      const { digest } = await this.#repository.resolve(this.reference.tag ?? 'latest', signal);
      return { digest, reference: formatReference({ ...this.reference, digest }) };
    } catch (thrown) {
      if (asBuildError(thrown).code === 'IMAGE_NOT_FOUND') return undefined;
      throw thrown;
    }
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
