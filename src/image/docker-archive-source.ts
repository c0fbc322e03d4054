/**
 * Reads an image from an archive as `docker save`, `podman save`, kaniko or jib write it.
 *
 * The format has no manifest with digests, so one is made: layers that lie there uncompressed are named by
 * their diffIDs and verified against them when they are read; compressed ones are hashed first.
 */

import type { Readable } from 'node:stream';
import { digestStream, readAll, streamOf, verifyStream } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import {
  type Compression,
  composeManifest,
  type Descriptor,
  type Digest,
  descriptorOf,
  formatReference,
  layerMediaType,
  type Manifest,
  maxConfigSize,
  maxManifestSize,
  mediaTypes,
  parseImageConfig,
} from '../model/index.ts';
import { chooseArchivedImage, parseDockerManifest } from './docker-archive-manifest.ts';
import {
  compressionOf,
  type MakeScratch,
  type OpenedArchive,
  openArchive,
} from './open-archive.ts';
import type { ImageSource } from './ports.ts';
import type { TarFile } from './tar-file.ts';
import type { DockerArchiveName } from './transport-name.ts';

/**
 * Opens an archive for reading; a compressed one is spooled to scratch.
 *
 * @throws BuildError `IMAGE_NOT_FOUND`, `TAR_INVALID`, `COMPRESSION_INVALID`, `LIMIT_EXCEEDED`, `IO_FAILED`
 */
export async function openDockerArchiveSource(
  name: DockerArchiveName,
  makeScratch: MakeScratch,
  signal?: AbortSignal,
): Promise<ImageSource> {
  return new DockerArchiveSource(name, await openArchive(name.path, makeScratch, signal));
}

interface ArchivedLayer {
  readonly member: string;
  readonly compression: Compression;
  readonly digest: Digest;
  readonly size: number;
}

/** The image as it would lie in a registry. */
interface Synthesised {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: Buffer;
  /** The member of the archive by the digest of the layer. */
  readonly members: ReadonlyMap<Digest, string>;
}

class DockerArchiveSource implements ImageSource {
  readonly name: string;
  readonly #wanted: DockerArchiveName;
  readonly #archive: OpenedArchive;
  #image: Promise<Synthesised> | undefined;

  constructor(wanted: DockerArchiveName, archive: OpenedArchive) {
    const { path, reference, index } = wanted;
    const name = reference === undefined ? undefined : formatReference(reference);
    const suffix = name ?? (index === undefined ? undefined : `@${index}`);
    this.name = `docker-archive:${path}${suffix === undefined ? '' : `:${suffix}`}`;
    this.#wanted = wanted;
    this.#archive = archive;
  }

  async resolve(): Promise<Descriptor> {
    return (await this.#synthesised()).descriptor;
  }

  async readManifest(descriptor: Descriptor): Promise<Uint8Array> {
    const image = await this.#synthesised();
    if (descriptor.digest !== image.descriptor.digest) throw this.#missing(descriptor.digest);
    return image.manifest.raw;
  }

  async open(descriptor: Descriptor): Promise<Readable> {
    const { manifest, config, members } = await this.#synthesised();
    const what = `${descriptor.digest} in ${this.#wanted.path}`;
    if (descriptor.digest === manifest.config.digest) {
      return verifyStream(streamOf(config), descriptor, what);
    }
    const member = members.get(descriptor.digest);
    const opened = member === undefined ? undefined : await this.#archive.tar.open(member);
    if (opened === undefined) throw this.#missing(descriptor.digest);
    return verifyStream(opened.body, descriptor, what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive[Symbol.asyncDispose]();
  }

  #synthesised(): Promise<Synthesised> {
    this.#image ??= synthesise(this.#archive.tar, this.#wanted);
    return this.#image;
  }

  #missing(digest: Digest): BuildError {
    return new BuildError('BLOB_NOT_FOUND', `${this.#wanted.path} has no ${digest}`);
  }
}

async function synthesise(tar: TarFile, wanted: DockerArchiveName): Promise<Synthesised> {
  const description = await readMember(tar, 'manifest.json', maxManifestSize);
  const image = chooseArchivedImage(parseDockerManifest(description, tar.path), wanted);
  const config = await readMember(tar, image.config, maxConfigSize);
  const { diffIds } = parseImageConfig(config, `config of ${tar.path}`);
  if (diffIds.length !== image.layers.length) {
    throw new BuildError(
      'MANIFEST_INVALID',
      `${tar.path} has ${image.layers.length} layers but ${diffIds.length} diffIDs`,
    );
  }
  const layers: ArchivedLayer[] = [];
  for (const [i, member] of image.layers.entries()) {
    layers.push(await describeLayer(tar, member, diffIds[i] as Digest));
  }
  const manifest = manifestOf(config, layers);
  const members = new Map(layers.map(({ digest, member }) => [digest, member]));
  return { descriptor: descriptorOf(manifest.raw, manifest.mediaType), manifest, config, members };
}

/** Docker's own types, unless there is a compression that they cannot say. */
function manifestOf(config: Uint8Array, layers: readonly ArchivedLayer[]): Manifest {
  const family = layers.some(({ compression }) => compression === 'zstd') ? 'oci' : 'docker';
  const configType = family === 'oci' ? mediaTypes.ociConfig : mediaTypes.dockerConfig;
  const descriptors = layers.map(({ compression, digest, size }) => ({
    mediaType: layerMediaType(compression, family),
    digest,
    size,
  }));
  return composeManifest({ config: descriptorOf(config, configType), layers: descriptors }, family);
}

async function describeLayer(tar: TarFile, member: string, diffId: Digest): Promise<ArchivedLayer> {
  const opened = await tar.open(member);
  if (opened === undefined) {
    throw new BuildError(
      'MANIFEST_INVALID',
      `${tar.path} lacks its layer ${JSON.stringify(member)}`,
    );
  }
  const compression = compressionOf(await tar.readStart(member, 6), `${member} in ${tar.path}`);
  if (compression !== 'none') return { member, compression, ...(await digestStream(opened.body)) };
  opened.body.destroy();
  return { member, compression, digest: diffId, size: opened.size };
}

async function readMember(tar: TarFile, name: string, limit: number): Promise<Buffer> {
  const opened = await tar.open(name);
  if (opened !== undefined) return readAll(opened.body, limit, `${name} in ${tar.path}`);
  throw new BuildError(
    'IMAGE_NOT_FOUND',
    `${tar.path} has no ${name}: it is no archive of docker`,
    {
      suggestion: 'if it is an archive of an OCI layout, name it oci-archive:FILE',
    },
  );
}
