/** Writes one image as an archive of an OCI layout. The file appears when the image is tagged. */

import { countBytes, type OpenBlob, type PutOptions, type PutOutcome } from '../blob/index.ts';
import { composeIndex, type Descriptor, type Digest, descriptorOf } from '../model/index.ts';
import { type ArchiveWriter, createArchive } from './archive-writer.ts';
import { layoutMarker, replaceImage } from './layout-index.ts';
import { blobPath } from './layout-source.ts';
import type { ImageDestination, PutManifestOptions } from './ports.ts';
import { formatLayoutName, type LayoutName } from './transport-name.ts';

/**
 * Opens an archive for writing. What was there under its name stays until the new one is complete.
 *
 * @throws BuildError `LOCK_TIMEOUT`, `PERMISSION_DENIED`, `NO_SPACE`, `IO_FAILED`
 */
export async function openOciArchiveDestination(
  name: LayoutName,
  signal?: AbortSignal,
): Promise<ImageDestination> {
  const archive = await createArchive(name.path, signal);
  try {
    await archive.addBytes('oci-layout', Buffer.from(layoutMarker));
    await archive.addDirectory('blobs');
    await archive.addDirectory('blobs/sha256');
    return new OciArchiveDestination(name, archive);
  } catch (error) {
    await archive[Symbol.asyncDispose]();
    throw error;
  }
}

class OciArchiveDestination implements ImageDestination {
  readonly name: string;
  readonly family = 'any';
  readonly holdsReferrers = false;
  readonly #wanted: LayoutName;
  readonly #archive: ArchiveWriter;
  readonly #blobs = new Map<Digest, Promise<unknown>>();

  constructor(wanted: LayoutName, archive: ArchiveWriter) {
    const { digest: _, ...withoutDigest } = wanted;
    this.name = formatLayoutName(withoutDigest);
    this.#wanted = wanted;
    this.#archive = archive;
  }

  mountableFrom(): undefined {
    return undefined;
  }

  async put(
    descriptor: Descriptor,
    open: OpenBlob,
    { signal, onProgress }: PutOptions = {},
  ): Promise<PutOutcome> {
    const { digest } = descriptor;
    const before = this.#blobs.get(digest);
    if (before !== undefined) {
      await before;
      return 'present';
    }
    const start = async () => countBytes(await open(signal), onProgress ?? (() => {}));
    const writing = this.#archive.addStream(() => blobPath(digest), start, signal);
    this.#blobs.set(digest, writing);
    try {
      await writing;
      return 'uploaded';
    } catch (error) {
      this.#blobs.delete(digest);
      throw error;
    }
  }

  async putManifest(
    bytes: Uint8Array,
    mediaType: string,
    { tag, signal }: PutManifestOptions,
  ): Promise<string> {
    signal?.throwIfAborted();
    const image = descriptorOf(bytes, mediaType);
    if (!this.#blobs.has(image.digest)) {
      const writing = this.#archive.addBytes(blobPath(image.digest), bytes);
      this.#blobs.set(image.digest, writing);
      await writing;
    }
    const { digest: _, ...name } = this.#wanted;
    if (tag) {
      const index = replaceImage(composeIndex([]), image, name.tag);
      await this.#archive.addBytes('index.json', index.raw);
      await this.#archive.finish();
    }
    return formatLayoutName({ ...name, digest: image.digest });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#archive[Symbol.asyncDispose]();
  }
}
