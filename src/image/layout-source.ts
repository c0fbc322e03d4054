/** Reads images from an OCI layout, a directory or an archive of one. */

import type { Readable } from 'node:stream';
import { readAll, verifyStream } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import {
  algorithmOf,
  type Descriptor,
  type Digest,
  descriptorOf,
  digestOf,
  hexOf,
  maxManifestSize,
  mediaTypes,
  parseManifest,
} from '../model/index.ts';
import type { LayoutFiles } from './layout-files.ts';
import { checkLayoutMarker, findImage, parseLayoutIndex, referrerOf } from './layout-index.ts';
import type { ImageSource } from './ports.ts';
import { formatLayoutName, type LayoutName } from './transport-name.ts';

/** One image of an OCI layout. Closes its files when disposed. */
export class LayoutSource implements ImageSource {
  readonly name: string;
  readonly #wanted: LayoutName;
  readonly #files: LayoutFiles;

  constructor(wanted: LayoutName, files: LayoutFiles) {
    const { digest: _, ...withoutDigest } = wanted;
    this.name = formatLayoutName(withoutDigest);
    this.#wanted = wanted;
    this.#files = files;
  }

  async resolve(): Promise<Descriptor> {
    const marker = await this.#readFile('oci-layout');
    if (marker === undefined) {
      throw new BuildError('IMAGE_NOT_FOUND', `${this.#wanted.path} is not an OCI layout`, {
        suggestion: 'an OCI layout has a file oci-layout; check the path',
      });
    }
    checkLayoutMarker(marker, this.#wanted.path);
    const index = await this.#readFile('index.json');
    if (index === undefined) {
      throw new BuildError('IMAGE_NOT_FOUND', `${this.#wanted.path} has no index.json`);
    }
    const parsed = parseLayoutIndex(index, this.#wanted.path);
    return findImage(parsed, this.#wanted, this.#wanted.path) ?? this.#resolveDigest();
  }

  async readManifest(descriptor: Descriptor): Promise<Uint8Array> {
    return readAll(await this.open(descriptor), maxManifestSize, `manifest of ${this.name}`);
  }

  async referrers(subject: Digest, artifactType: string): Promise<readonly Descriptor[]> {
    const { path } = this.#wanted;
    const index = await this.#readFile('index.json');
    const digest = index && referrerOf(parseLayoutIndex(index, path), subject, artifactType);
    const bytes = digest && (await this.#readFile(blobPath(digest)));
    return bytes === undefined || digest === undefined
      ? []
      : [{ ...descriptorOf(bytes, mediaTypes.ociManifest), digest }];
  }

  async open(descriptor: Descriptor): Promise<Readable> {
    const opened = await this.#files.open(blobPath(descriptor.digest));
    if (opened === undefined) throw this.#missing(descriptor.digest);
    return verifyStream(opened.body, descriptor, `${descriptor.digest} in ${this.#wanted.path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files[Symbol.asyncDispose]();
  }

  /** Reads a manifest that is there but not listed, whose type only its content tells. */
  async #resolveDigest(): Promise<Descriptor> {
    const digest = this.#wanted.digest as Digest;
    const bytes = await this.#readFile(blobPath(digest));
    if (bytes === undefined) throw this.#missing(digest);
    const parsed = parseManifest(bytes, undefined, `${digest} in ${this.#wanted.path}`);
    if (digestOf(bytes, algorithmOf(digest)) === digest) {
      return { ...descriptorOf(bytes, parsed.mediaType), digest };
    }
    throw new BuildError('DIGEST_MISMATCH', `${digest} in ${this.#wanted.path} is damaged`);
  }

  async #readFile(path: string): Promise<Buffer | undefined> {
    const opened = await this.#files.open(path);
    return opened && readAll(opened.body, maxManifestSize, `${path} of ${this.#wanted.path}`);
  }

  #missing(digest: Digest): BuildError {
    return new BuildError('BLOB_NOT_FOUND', `${this.#wanted.path} lacks ${digest}`, {
      suggestion: 'the layout is not complete; copy the image again',
    });
  }
}

/** The path of a blob inside a layout. */
export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}
