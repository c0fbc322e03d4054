/** Makes small, real images for tests: layers with real files, gzip or plain, one platform or several. */

import type { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { streamOf, verifyStream } from '../../src/blob/index.ts';
import { BuildError } from '../../src/errors/index.ts';
import type { ImageDestination, ImageSource } from '../../src/image/index.ts';
import {
  byteStringOf,
  type Compression,
  composeIndex,
  composeManifest,
  type Descriptor,
  type Digest,
  descriptorOf,
  digestOf,
  layerMediaType,
  type MediaTypeFamily,
  mediaTypes,
  type Platform,
} from '../../src/model/index.ts';
import { encodeEntry, endOfArchive, paddingOf } from '../../src/tar/index.ts';

/** Contents by digest, with one of them as the image. */
export class MemoryImage implements ImageSource {
  readonly name = 'memory image';
  readonly contents = new Map<Digest, Uint8Array>();
  root: Descriptor | undefined;
  opened = 0;

  add(bytes: Uint8Array, mediaType: string): Descriptor {
    const descriptor = descriptorOf(bytes, mediaType);
    this.contents.set(descriptor.digest, bytes);
    return descriptor;
  }

  async resolve(): Promise<Descriptor> {
    if (this.root === undefined) throw new BuildError('IMAGE_NOT_FOUND', 'no image');
    return this.root;
  }

  async readManifest(descriptor: Descriptor): Promise<Uint8Array> {
    return this.#get(descriptor);
  }

  async open(descriptor: Descriptor): Promise<Readable> {
    this.opened += 1;
    return verifyStream(streamOf(this.#get(descriptor)), descriptor);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #get({ digest }: Descriptor): Uint8Array {
    const bytes = this.contents.get(digest);
    if (bytes === undefined) throw new BuildError('BLOB_NOT_FOUND', `no ${digest}`);
    return bytes;
  }
}

/** How an image is made. */
export interface ImageShape {
  readonly family?: MediaTypeFamily;
  readonly compression?: Compression;
  /** Files of each layer, bottom first. */
  readonly layers?: readonly Readonly<Record<string, string>>[];
  readonly platform?: Platform;
}

/** The files of a layer as a tar archive. */
export function layerTar(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [path, text] of Object.entries(files)) {
    const content = Buffer.from(text as string);
    const entry = {
      path: byteStringOf(path),
      type: 'file' as const,
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: content.length,
      mtime: 0n,
      linkName: byteStringOf(''),
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: new Map(),
    };
    parts.push(encodeEntry(entry), content, paddingOf(content.length));
  }
  return Buffer.concat([...parts, endOfArchive]);
}

/** Adds an image to `target` and returns the descriptor of its manifest. */
export function addImage(target: MemoryImage, shape: ImageShape = {}): Descriptor {
  const { family = 'oci', compression = 'gzip', platform } = shape;
  const tars = (shape.layers ?? [{ 'etc/motd': 'hello\n' }, { 'app/main': 'x'.repeat(5000) }]).map(
    layerTar,
  );
  const layers = tars.map((tar) =>
    target.add(compress(tar, compression), layerMediaType(compression, family)),
  );
  const config = {
    architecture: platform?.architecture ?? 'amd64',
    os: platform?.os ?? 'linux',
    config: { Cmd: ['/app/main'], Labels: { kept: 'yes' } },
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => digestOf(tar)) },
    history: tars.map((_, i) => ({ created_by: `layer ${i}` })),
  };
  const configType = family === 'oci' ? mediaTypes.ociConfig : mediaTypes.dockerConfig;
  const manifest = composeManifest(
    { config: target.add(Buffer.from(JSON.stringify(config)), configType), layers },
    family,
  );
  return target.add(manifest.raw, manifest.mediaType);
}

/** An image for one platform. */
export function memoryImage(shape: ImageShape = {}): MemoryImage {
  const image = new MemoryImage();
  image.root = addImage(image, shape);
  return image;
}

/** An index of one image for each platform. */
export function memoryIndex(platforms: readonly Platform[]): MemoryImage {
  const image = new MemoryImage();
  const entries = platforms.map((platform) => ({
    ...addImage(image, { platform, layers: [{ 'etc/arch': platform.architecture }] }),
    platform,
  }));
  const index = composeIndex(entries);
  image.root = image.add(index.raw, index.mediaType);
  return image;
}

/** A destination that cannot be read back but tells what was put and in which order. */
export function recordingDestination(): ImageDestination & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    name: 'recorder',
    family: 'any',
    holdsReferrers: false,
    mountableFrom: () => undefined,
    put: async (descriptor, open) => {
      for await (const _ of await open());
      log.push(`blob ${descriptor.digest}`);
      return 'uploaded';
    },
    putManifest: async (bytes, _type, { tag }) => {
      log.push(`${tag ? 'tag' : 'manifest'} ${digestOf(bytes)}`);
      return 'recorder';
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function compress(bytes: Buffer, compression: Compression): Uint8Array {
  if (compression === 'gzip') return gzipSync(bytes);
  return compression === 'zstd' ? zstdCompressSync(bytes) : bytes;
}

/** An image of several megabytes, always the same. */
export function largeImage(): MemoryImage {
  const noise = (seed: number) => {
    let state = seed;
    const bytes = Buffer.alloc(400_000);
    for (let i = 0; i < bytes.length; i += 1) {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      bytes[i] = state >> 16;
    }
    return bytes.toString('latin1');
  };
  return memoryImage({ layers: [1, 2, 3, 4].map((seed) => ({ [`file-${seed}`]: noise(seed) })) });
}
