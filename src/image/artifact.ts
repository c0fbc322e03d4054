/**
 * Artifacts: files that are not images but belong to one, such as a bill of materials or a signature
 * (OCI image-spec 1.1, "Guidelines for Artifact Usage"; referrers in the distribution-spec).
 */

import { type BlobSink, type OpenBlob, streamOf } from '../blob/index.ts';
import {
  composeManifest,
  type Descriptor,
  type Digest,
  descriptorOf,
  digestOf,
  mediaTypes,
} from '../model/index.ts';
import type { Repository } from '../registry/index.ts';
import type { PutManifestOptions } from './ports.ts';

/** One file of an artifact. */
export interface ArtifactFile {
  /** With the media type of the file; its annotations stay with it. */
  readonly descriptor: Descriptor;
  readonly open: OpenBlob;
}

/** An artifact to be made. */
export interface ArtifactContent {
  readonly artifactType: string;
  readonly files: readonly ArtifactFile[];
  /** Annotations of the artifact as a whole; lists of referrers show them. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Attaches an artifact to a manifest or index of the same repository: it is then listed among the
 * referrers of its subject, by the registry or, where that does not know referrers, under the tag that
 * clients keep. The same content gives the same digest, so attaching it again changes nothing.
 *
 * @returns the digest of the artifact's manifest
 */
export async function attachArtifact(
  repository: Repository,
  subject: Descriptor,
  content: ArtifactContent,
  signal?: AbortSignal,
): Promise<Digest> {
  const sink: ArtifactSink = {
    put: (descriptor, open, options) => repository.putBlob(descriptor, open, options),
    putManifest: (bytes, mediaType) => repository.putManifest(bytes, mediaType, [], signal),
  };
  return (await putArtifact(sink, subject, content, signal)).digest;
}

/** The part of a destination that artifacts need. */
export interface ArtifactSink extends BlobSink {
  putManifest(bytes: Uint8Array, mediaType: string, options: PutManifestOptions): Promise<unknown>;
}

/** An artifact in its place, and how many bytes of its files had to be sent. */
export interface PutArtifact {
  readonly digest: Digest;
  readonly sent: number;
}

/** Attaches an artifact to an image of a destination; see {@link attachArtifact}. */
export async function putArtifact(
  sink: ArtifactSink,
  subject: Descriptor,
  content: ArtifactContent,
  signal?: AbortSignal,
): Promise<PutArtifact> {
  const { artifactType, files, annotations } = content;
  const options = signal === undefined ? {} : { signal };
  const empty = Buffer.from('{}');
  const config = descriptorOf(empty, mediaTypes.ociEmpty);
  await sink.put(config, async () => streamOf(empty), options);
  let sent = 0;
  for (const { descriptor, open } of files) {
    const outcome = await sink.put(descriptor, open, options);
    if (outcome === 'uploaded') sent += descriptor.size;
  }
  const { mediaType, digest, size } = subject;
  const manifest = composeManifest(
    {
      artifactType,
      config,
      layers: files.map(({ descriptor }) => descriptor),
      subject: { mediaType, digest, size },
      ...(annotations === undefined ? {} : { annotations }),
    },
    'oci',
  );
  await sink.putManifest(manifest.raw, manifest.mediaType, { tag: false, ...options });
  return { digest: digestOf(manifest.raw), sent };
}
