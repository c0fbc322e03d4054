/**
 * Writes one image as an archive that `docker load` and `podman load` read: uncompressed layers, the
 * config, `manifest.json` and `repositories`. The file appears when the image is tagged.
 *
 * Only config and layers survive in this format, so manifests of either family are accepted.
 */

import { pipeline } from 'node:stream';
import {
  abortable,
  countBytes,
  DigestTap,
  decompress,
  type OpenBlob,
  type PutOptions,
  type PutOutcome,
  readAll,
} from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  formatReference,
  hexOf,
  isForeignLayerType,
  layerCompression,
  type Manifest,
  maxConfigSize,
  parseImageConfig,
  parseManifest,
} from '../model/index.ts';
import { type ArchiveWriter, createArchive } from './archive-writer.ts';
import type { ImageDestination, PutManifestOptions } from './ports.ts';
import type { DockerArchiveName } from './transport-name.ts';

/**
 * Opens an archive for writing. What was there under its name stays until the new one is complete.
 *
 * @throws BuildError `USAGE_INVALID` for an image position, `LOCK_TIMEOUT`, `PERMISSION_DENIED`, `NO_SPACE`,
 * `IO_FAILED`
 */
export async function openDockerArchiveDestination(
  name: DockerArchiveName,
  signal?: AbortSignal,
): Promise<ImageDestination> {
  if (name.index !== undefined) {
    throw new BuildError('USAGE_INVALID', `${name.path}:@${name.index} can only be read`, {
      suggestion: 'write docker-archive:FILE:name:tag',
    });
  }
  return new DockerArchiveDestination(name, await createArchive(name.path, signal));
}

class DockerArchiveDestination implements ImageDestination {
  readonly name: string;
  readonly family = 'docker';
  readonly holdsReferrers = false;
  readonly #wanted: DockerArchiveName;
  readonly #archive: ArchiveWriter;
  /** The diffID of each layer by the digest of its blob. */
  readonly #layers = new Map<Digest, Promise<Digest>>();
  readonly #configs = new Map<Digest, Buffer>();

  constructor(wanted: DockerArchiveName, archive: ArchiveWriter) {
    const { path, reference } = wanted;
    const suffix = reference === undefined ? '' : `:${formatReference(reference)}`;
    this.name = `docker-archive:${path}${suffix}`;
    this.#wanted = wanted;
    this.#archive = archive;
  }

  mountableFrom(): undefined {
    return undefined;
  }

  async put(
    descriptor: Descriptor,
    open: OpenBlob,
    { signal, onProgress = () => {} }: PutOptions = {},
  ): Promise<PutOutcome> {
    const { digest, mediaType } = descriptor;
    if (layerCompression(mediaType) === undefined) {
      const body = countBytes(abortable(await open(signal), signal), onProgress);
      this.#configs.set(digest, await readAll(body, maxConfigSize, `config ${digest}`));
      return 'uploaded';
    }
    const before = this.#layers.get(digest);
    if (before !== undefined) {
      await before;
      return 'present';
    }
    const writing = this.#writeLayer(descriptor, open, onProgress, signal);
    this.#layers.set(digest, writing);
    try {
      await writing;
      return 'uploaded';
    } catch (error) {
      this.#layers.delete(digest);
      throw error;
    }
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    { tag, signal }: PutManifestOptions,
  ): Promise<string> {
    signal?.throwIfAborted();
    const manifest = parseManifest(bytes, mediaType, `manifest for ${this.name}`);
    if (manifest.kind === 'index') {
      throw new BuildError('MEDIA_TYPE_UNSUPPORTED', `${this.name} cannot hold an image index`, {
        suggestion: 'choose one platform, or write to oci-archive:FILE',
      });
    }
    if (tag) await this.#describe(manifest);
    return this.name;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#archive[Symbol.asyncDispose]();
  }

  async #writeLayer(
    descriptor: Descriptor,
    open: OpenBlob,
    onProgress: (bytes: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<Digest> {
    const compression = layerCompression(descriptor.mediaType) ?? 'none';
    const tap = new DigestTap();
    let diffId: Digest | undefined;
    const name = () => {
      diffId ??= tap.result().digest;
      return memberOf(diffId);
    };
    const start = async () => {
      const body = countBytes(await open(signal), onProgress);
      // Errors of either come out of the tap, and its destruction reaches both.
      pipeline(decompress(body, compression), tap, () => {});
      return tap;
    };
    await this.#archive.addStream(name, start, signal);
    return diffId as Digest;
  }

  async #describe(manifest: Manifest): Promise<void> {
    const config = this.#configs.get(manifest.config.digest);
    if (config === undefined) throw this.#lacks(manifest.config);
    const { diffIds } = parseImageConfig(config, `config for ${this.name}`);
    if (diffIds.length !== manifest.layers.length) {
      throw new BuildError(
        'IMAGE_CONFIG_INVALID',
        `${this.name} has ${manifest.layers.length} layers but ${diffIds.length} diffIDs`,
      );
    }
    for (const [i, layer] of manifest.layers.entries()) {
      const diffId = await this.#layers.get(layer.digest);
      if (diffId === undefined) throw this.#lacks(layer);
      if (diffId !== diffIds[i]) {
        throw new BuildError(
          'DIFF_ID_MISMATCH',
          `layer ${i + 1} of ${this.name} unpacks to ${diffId}, its config says ${diffIds[i]}`,
        );
      }
    }
    const configName = `${hexOf(manifest.config.digest)}.json`;
    await this.#archive.addBytes(configName, config);
    const { reference } = this.#wanted;
    const names = reference === undefined ? [] : [formatReference(reference)];
    const description = [{ Config: configName, RepoTags: names, Layers: diffIds.map(memberOf) }];
    await this.#archive.addBytes('manifest.json', Buffer.from(JSON.stringify(description)));
    await this.#addRepositories(diffIds.at(-1));
    await this.#archive.finish();
  }

  /** What readers before docker 1.10 go by; newer ones want it present. */
  async #addRepositories(top: Digest | undefined): Promise<void> {
    const { reference } = this.#wanted;
    if (reference?.tag === undefined || top === undefined) return;
    const { tag, ...repository } = reference;
    const content = { [formatReference(repository)]: { [tag]: hexOf(top) } };
    await this.#archive.addBytes('repositories', Buffer.from(JSON.stringify(content)));
  }

  #lacks({ digest, mediaType }: Descriptor): BuildError {
    const why = isForeignLayerType(mediaType) ? 'it is a foreign layer' : 'it was not written';
    return new BuildError('BLOB_NOT_FOUND', `${this.name} lacks ${digest}: ${why}`);
  }
}

function memberOf(diffId: Digest): string {
  return `${hexOf(diffId)}.tar`;
}
