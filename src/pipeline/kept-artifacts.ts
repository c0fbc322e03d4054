/**
 * Artifacts that are kept beside an application image: one OCI artifact whose subject the image is, with the output of
 * save-artifacts as its only layer. The next incremental build fetches that and needs no previous image.
 *
 * The artifact says which save-artifacts wrote it, so that a changed script has an effect at once, and what
 * the archive holds regardless of order and times, so that unchanged artifacts are not sent again.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type ImageDestination, type ImageSource, putArtifact } from '../image/index.ts';
import { writeLayer } from '../layer/index.ts';
import {
  type Compression,
  type Descriptor,
  type Digest,
  digestOf,
  isDigest,
  parseManifest,
} from '../model/index.ts';
import { readArchive } from '../source/index.ts';
import type { Lease, Store } from '../store/index.ts';
import { strictPath, type TarEntry, type TarHandler } from '../tar/index.ts';
import { maxArtifactBytes } from './save-artifacts.ts';

/** The type of the artifact. */
export const keptArtifactsType = 'application/vnd.s2oci.artifacts.v1';

/** Annotations of its manifest. */
const annotationNames = {
  content: 'io.s2oci.artifacts.content',
  script: 'io.s2oci.artifacts.save-artifacts',
} as const;

/** Artifacts as they are kept. */
export interface KeptArtifacts {
  /** The archive, compressed or not. */
  readonly layer: Descriptor;
  /** What the archive holds; see {@link describeArchive}. */
  readonly content: Digest;
  /** The digest of the script that wrote it. */
  readonly script: Digest;
}

/** Finds the artifacts that are kept beside an image; undefined when there are none that `script` wrote. */
export async function findKeptArtifacts(
  source: ImageSource,
  subject: Descriptor,
  script: Digest,
  signal: AbortSignal,
): Promise<KeptArtifacts | undefined> {
  const listed = (await source.referrers?.(subject.digest, keptArtifactsType, signal)) ?? [];
  for (const descriptor of listed.toReversed()) {
    const kept = parseKept(await source.readManifest(descriptor, signal));
    if (kept?.script === script) return kept;
  }
  return undefined;
}

function parseKept(bytes: Uint8Array): KeptArtifacts | undefined {
  const manifest = parseManifest(bytes, undefined, 'the kept artifacts');
  if (manifest.kind !== 'manifest' || manifest.artifactType !== keptArtifactsType) return undefined;
  const content = manifest.annotations?.[annotationNames.content];
  const script = manifest.annotations?.[annotationNames.script];
  const [layer] = manifest.layers;
  if (layer === undefined || layer.size > maxArtifactBytes) return undefined;
  return isDigest(content) && isDigest(script) ? { layer, content, script } : undefined;
}

/** What an archive of artifacts is. */
export interface ArchiveFacts {
  /** A digest over names, types, modes and contents, in the order of the names. */
  readonly content: Digest;
  readonly compression: Compression;
}

/**
 * Reads an archive to its end and describes it.
 *
 * @throws BuildError of what is no archive, or one that could not be restored
 */
export async function describeArchive(path: string, signal: AbortSignal): Promise<ArchiveFacts> {
  const reader = new ContentReader();
  const compression = await readArchive(
    createReadStream(path, { highWaterMark: 2 ** 20 }),
    reader,
    'the output of save-artifacts',
    {},
    signal,
  );
  return { content: reader.finish(), compression };
}

/** Hashes every entry; entries count by name, wherever they stand in the archive. */
class ContentReader implements TarHandler {
  readonly #lines: string[] = [];
  #line = '';
  #hash = createHash('sha256');

  entry({ path, type, mode, linkName }: TarEntry): void {
    this.#end();
    const name = strictPath(path, 'the output of save-artifacts');
    this.#line = JSON.stringify([name, type, mode & 0o777, linkName]);
    this.#hash = createHash('sha256');
  }

  data(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  finish(): Digest {
    this.#end();
    return digestOf(Buffer.from(this.#lines.toSorted().join('\n')));
  }

  #end(): void {
    if (this.#line !== '') this.#lines.push(`${this.#line} ${this.#hash.digest('hex')}`);
  }
}

/** Compresses an archive into the store. */
export async function storeArchive(
  deps: { readonly store: Store; readonly lease: Lease },
  path: string,
  compression: Compression,
  signal: AbortSignal,
): Promise<Descriptor> {
  // What the script has compressed already is kept as it is.
  const wanted = compression === 'none' ? 'zstd' : 'none';
  const { digest, size } = await writeLayer(
    { body: createReadStream(path, { highWaterMark: 2 ** 20 }), compression: wanted },
    (stream) => deps.store.ingest(stream, { lease: deps.lease }, signal),
  );
  const kind = compression === 'none' ? 'zstd' : compression;
  return { mediaType: `${keptArtifactsType}.tar+${kind}`, digest, size };
}

/** Puts artifacts of the store beside an image; returns how many bytes had to be sent. */
export async function attachKeptArtifacts(
  store: Store,
  destination: ImageDestination,
  subject: Descriptor,
  kept: KeptArtifacts,
  signal: AbortSignal,
): Promise<number> {
  const { layer, content, script } = kept;
  const annotations = {
    [annotationNames.content]: content,
    [annotationNames.script]: script,
  };
  const files = [{ descriptor: layer, open: () => store.open(layer) }];
  const artifact = { artifactType: keptArtifactsType, files, annotations };
  return (await putArtifact(destination, subject, artifact, signal)).sent;
}
