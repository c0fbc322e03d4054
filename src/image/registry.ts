/**
 * Registries for library users: resolve, fetch, push and copy by the names that users write, over one
 * registry client. Whoever needs more takes the client and the parts that this is made of.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { BuildError } from '../errors/index.ts';
import type { Reporter } from '../events/index.ts';
import {
  type Descriptor,
  hostPlatform,
  manifestSelector,
  type Platform,
  parseReference,
} from '../model/index.ts';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryClientDeps,
} from '../registry/index.ts';
import { fileError } from '../store/index.ts';
import { type CopyReport, copyImage } from './copy.ts';
import { type OpenDeps, openDestination, openSource } from './open.ts';
import type { ScratchDirectory } from './open-archive.ts';
import type { ImageSource } from './ports.ts';
import { readImage, type StoredImage } from './read.ts';
import { registryImage } from './registry-transport.ts';
import { parseTransport } from './transport-name.ts';

/** What a {@link Registry} takes; everything has a default. */
export interface RegistryDeps extends RegistryClientDeps {
  /** What is taken from an index where nothing else is said; default: Linux on the machine's processor. */
  readonly platform?: Platform;
}

/** What of an image is copied. */
export interface RegistryCopyOptions {
  /** One platform of an index, or the index with everything in it, which is the default. */
  readonly platform?: Platform | 'all';
  readonly signal?: AbortSignal;
  readonly reporter?: Reporter;
}

/** An image of a registry: its documents, verified, and a way to its layers. */
export interface FetchedImage extends StoredImage {
  /** Opens a layer, compressed as it is stored, as a stream that is verified and survives cuts. */
  openLayer(layer: Descriptor, signal?: AbortSignal): Promise<Readable>;
}

/**
 * Talks to registries. Anonymous unless it is given credentials (see `loadCredentials`).
 *
 *     await using registry = new Registry();
 *     const image = await registry.fetch('registry.example.com/apps/hello:1');
 */
export class Registry implements AsyncDisposable {
  /** The client underneath: repositories, tags, referrers, totals. */
  readonly client: RegistryClient;
  readonly #platform: Platform;
  readonly #deps: OpenDeps;

  constructor(deps: RegistryDeps = {}) {
    const client = createRegistryClient(deps);
    this.client = client;
    this.#platform = deps.platform ?? hostPlatform('linux', arch());
    this.#deps = {
      store: { createScratch: temporaryDirectory },
      registry: (reference) => registryImage(client, reference),
      absolutePath: (path) => resolve(path),
    };
  }

  /**
   * Pins a reference: returns type, size and digest of the manifest or index that it names now.
   *
   * @throws BuildError `REFERENCE_INVALID`, `IMAGE_NOT_FOUND` and the errors of the registry
   */
  async resolve(reference: string, signal?: AbortSignal): Promise<Descriptor> {
    const parsed = parseReference(reference);
    return this.client.repository(parsed).resolve(manifestSelector(parsed), signal);
  }

  /**
   * Fetches manifest and config of an image, of one platform where there are several; layers are opened
   * one by one.
   *
   * @throws BuildError `REFERENCE_INVALID`, `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND` and the errors of the registry
   */
  async fetch(
    reference: string,
    options: { readonly platform?: Platform; readonly signal?: AbortSignal } = {},
  ): Promise<FetchedImage> {
    const source = registryImage(this.client, parseReference(reference));
    const image = await readImage(source, options.platform ?? this.#platform, options.signal);
    return { ...image, openLayer: (layer, signal) => source.open(layer, signal) };
  }

  /**
   * Pushes an image from an OCI layout or archive (`oci:DIR[:tag]`, `oci-archive:FILE`, `docker-archive:FILE`),
   * or from an own source, to a reference. Blobs that the registry has are not sent; the tag moves last.
   *
   * @throws BuildError `USAGE_INVALID` when the destination is no registry, and the errors of both sides
   */
  async push(
    source: string | ImageSource,
    reference: string,
    options: RegistryCopyOptions = {},
  ): Promise<CopyReport> {
    if (parseTransport(reference).transport !== 'registry') {
      throw new BuildError('USAGE_INVALID', `${reference} is not in a registry`);
    }
    return this.copy(source, reference, options);
  }

  /**
   * Copies an image between any two places, byte for byte. Within one registry, blobs are mounted rather
   * than moved. An own source stays the caller's to dispose.
   *
   * @throws BuildError of either side; the name at the destination has not moved then
   */
  async copy(
    source: string | ImageSource,
    destination: string,
    options: RegistryCopyOptions = {},
  ): Promise<CopyReport> {
    const { platform = 'all', signal, reporter } = options;
    if (typeof source === 'string') {
      await using opened = await openSource(source, this.#deps, signal);
      return await this.copy(opened, destination, options);
    }
    await using target = await openDestination(destination, this.#deps, signal);
    return await copyImage(source, target, {
      platform,
      ...(signal === undefined ? {} : { signal }),
      ...(reporter === undefined ? {} : { reporter }),
    });
  }

  /** Lists the tags of a repository, sorted. */
  async tags(repository: string, signal?: AbortSignal): Promise<readonly string[]> {
    return this.client.repository(parseReference(repository)).tags(signal);
  }

  /** Closes all connections. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.client.close();
  }
}

/** Compressed archives cannot be read by offset and are spooled. */
async function temporaryDirectory(): Promise<ScratchDirectory> {
  const path = await mkdtemp(join(tmpdir(), 's2oci-')).catch(async (error) => {
    throw await fileError(error, 'cannot make a temporary directory', tmpdir());
  });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
