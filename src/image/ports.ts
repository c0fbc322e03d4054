/**
 * Where images come from and go to: a registry repository, an OCI layout, an archive.
 * Adapters of the same shape make every transport usable at both ends of `copy`.
 */

import type { BlobSink, BlobSource } from '../blob/index.ts';
import type { Descriptor, Digest } from '../model/index.ts';

/** A place one image, or one repository of images, is read from. */
export interface ImageSource extends BlobSource, AsyncDisposable {
  /** The reference as users write it, without digest: for messages and labels. */
  readonly name: string;
  /**
   * Pins the image: returns the descriptor of its manifest or index.
   *
   * @throws BuildError `IMAGE_NOT_FOUND` and the errors of the transport
   */
  resolve(signal?: AbortSignal): Promise<Descriptor>;
  /** Reads the verified bytes of a manifest or index, at most 4 MiB. */
  readManifest(descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array>;
  /** Lists the artifacts of a type that are attached to a manifest; absent where nothing can be attached. */
  referrers?(
    subject: Digest,
    artifactType: string,
    signal?: AbortSignal,
  ): Promise<readonly Descriptor[]>;
}

/** A place one image is written to. */
export interface ImageDestination extends BlobSink, AsyncDisposable {
  /** The reference as users write it, without digest. */
  readonly name: string;
  /** Media types that this destination cannot hold are refused by `putManifest`; archives of Docker hold no OCI types. */
  readonly family: 'any' | 'docker';
  /** Whether a manifest with a subject is found again from there, also when it is put after the image. */
  readonly holdsReferrers: boolean;
  /** The repository of `source` from which blobs can be mounted here, if both are on one registry. */
  mountableFrom(source: ImageSource): string | undefined;
  /**
   * Asks what the destination's own name leads to now; undefined when it leads nowhere. Absent where asking costs as
   * much as writing.
   */
  current?(signal?: AbortSignal): Promise<CurrentImage | undefined>;
  /**
   * Deletes an image that this destination's name led to before, with what is attached to it, unless another name
   * leads to it. Absent where nothing can be deleted.
   *
   * @returns why it is still there, for the user
   */
  removePrevious?(digest: Digest, signal?: AbortSignal): Promise<string | undefined>;
  /**
   * Writes a manifest or index. All it refers to must have been put before. With `tag: true` this is the
   * moment at which the image becomes visible under its name; nothing is written after it.
   *
   * @returns the reference as users pull it, with digest where the transport has digests
   */
  putManifest(bytes: Uint8Array, mediaType: string, options: PutManifestOptions): Promise<string>;
}

/** What is at a destination. */
export interface CurrentImage {
  readonly digest: Digest;
  /** As `putManifest` returns it. */
  readonly reference: string;
}

/** How a manifest is written. */
export interface PutManifestOptions {
  /** Moves the destination's own tag to this manifest; without it the manifest is only reachable by digest. */
  readonly tag: boolean;
  readonly signal?: AbortSignal;
}

/** Descriptor of an image that was pinned, with the platform's manifest and the index it was chosen from. */
export interface PinnedImage {
  readonly manifest: Descriptor;
  readonly index?: Descriptor;
}
