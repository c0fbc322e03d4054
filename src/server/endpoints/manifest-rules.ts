/**
 * What a manifest must be to be taken in: a document that every client reads the same way, whose parts are
 * in the repository with the sizes that it says. A subject may be missing (distribution-spec, "Push").
 */

import { BuildError } from '../../errors/index.ts';
import {
  bareMediaType,
  type Descriptor,
  type Digest,
  type Index,
  isForeignLayerType,
  isIndexType,
  isManifestType,
  type Manifest,
  parseManifest,
} from '../../model/index.ts';
import { Refusal } from '../reply.ts';
import type { ManifestRecord, Storage } from '../storage/index.ts';

/** A manifest that was pushed. */
export interface PushedManifest {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
}

/** What the registry keeps about a manifest that it took in. */
export interface AcceptedManifest {
  readonly mediaType: string;
  readonly subject: Digest | undefined;
}

/**
 * Checks a pushed manifest.
 *
 * @throws Refusal 400 `MANIFEST_INVALID` for the document, `SIZE_INVALID` for a part of another size;
 * 404 `MANIFEST_BLOB_UNKNOWN` for a part that is missing
 */
export async function acceptManifest(
  storage: Storage,
  repository: string,
  pushed: PushedManifest,
): Promise<AcceptedManifest> {
  const manifest = parsePushed(pushed);
  const parts = manifest.kind === 'manifest' ? blobsOf(manifest) : manifest.manifests;
  for (const part of parts) await checkPart(storage, repository, part);
  return { mediaType: manifest.mediaType, subject: manifest.subject?.digest };
}

/** Reads the subject of a stored manifest. */
export function subjectOf(record: ManifestRecord): Digest | undefined {
  return parseManifest(record.bytes, record.mediaType, 'a stored manifest').subject?.digest;
}

function parsePushed({ bytes, contentType }: PushedManifest): Manifest | Index {
  const type = contentType === undefined ? undefined : bareMediaType(contentType);
  try {
    if (type !== undefined && !isManifestType(type) && !isIndexType(type)) {
      throw new Refusal(400, 'MANIFEST_INVALID', `not a type of manifest: ${type.slice(0, 200)}`);
    }
    return parseManifest(bytes, type, 'the pushed manifest');
  } catch (error) {
    if (error instanceof BuildError) throw new Refusal(400, 'MANIFEST_INVALID', error.message);
    throw error;
  }
}

/** The blobs that must be here; layers that lie elsewhere by their own account need not. */
function blobsOf(manifest: Manifest): readonly Descriptor[] {
  const isElsewhere = ({ mediaType, urls }: Descriptor) =>
    isForeignLayerType(mediaType) && urls !== undefined && urls.length > 0;
  return [manifest.config, ...manifest.layers.filter((layer) => !isElsewhere(layer))];
}

async function checkPart(storage: Storage, repository: string, part: Descriptor): Promise<void> {
  const size = await sizeOf(storage, repository, part);
  if (size === undefined) {
    const message = `${repository} lacks ${part.digest} (${part.mediaType}), which the manifest names`;
    throw new Refusal(404, 'MANIFEST_BLOB_UNKNOWN', message);
  }
  if (size !== part.size) {
    const message = `${part.digest} has ${size} bytes, not ${part.size} as the manifest says`;
    throw new Refusal(400, 'SIZE_INVALID', message);
  }
}

async function sizeOf(
  { blobs, manifests }: Storage,
  repository: string,
  { mediaType, digest }: Descriptor,
): Promise<number | undefined> {
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) {
    return await blobs.size(repository, digest);
  }
  return (await manifests.read(repository, digest))?.bytes.length;
}
