/** The manifests that name a subject, filtered by artifact type and in pages (end-12). */

import { type Descriptor, type Digest, mediaTypes, parseManifest } from '../../model/index.ts';
import type { Handler } from '../exchange.ts';
import { jsonReply } from '../reply.ts';
import type { RouteOf } from '../routes.ts';
import type { ManifestRecord, Storage } from '../storage/index.ts';

/** A page ends when its descriptors have this many characters, well below what clients read as a manifest. */
const pageSize = 1024 * 1024;

/** GET of the referrers of a manifest; a subject that nobody has heard of has none. */
export const getReferrers: Handler<'referrers'> = async ({ route, query, registry }) => {
  const { repository, subject } = route;
  const artifactType = query.get('artifactType');
  const last = query.get('last') ?? '';
  const digests = await registry.storage.manifests.referrers(repository, subject);
  const rest = digests.filter((digest) => digest > last);
  const { page, next } = await collect(registry.storage, repository, rest, artifactType);
  return jsonReply(
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: page },
    {
      'Content-Type': mediaTypes.ociIndex,
      ...(artifactType === null ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
      ...(next === undefined ? {} : nextLink(route, artifactType, next)),
    },
  );
};

function nextLink(
  { repository, subject }: RouteOf<'referrers'>,
  artifactType: string | null,
  last: Digest,
): { Link: string } {
  const query = new URLSearchParams({ ...(artifactType === null ? {} : { artifactType }), last });
  return { Link: `</v2/${repository}/referrers/${subject}?${query}>; rel="next"` };
}

interface Page {
  readonly page: readonly Descriptor[];
  /** The last digest of this page when more follow. */
  readonly next?: Digest;
}

async function collect(
  storage: Storage,
  repository: string,
  digests: readonly Digest[],
  artifactType: string | null,
): Promise<Page> {
  const page: Descriptor[] = [];
  let size = 0;
  for (const [i, digest] of digests.entries()) {
    const record = await storage.manifests.read(repository, digest);
    if (record === undefined) continue;
    const descriptor = describe(digest, record);
    if (artifactType !== null && descriptor.artifactType !== artifactType) continue;
    page.push(descriptor);
    size += JSON.stringify(descriptor).length;
    if (size >= pageSize && i + 1 < digests.length) return { page, next: digest };
  }
  return { page };
}

function describe(digest: Digest, { mediaType, bytes }: ManifestRecord): Descriptor {
  const manifest = parseManifest(bytes, mediaType, 'a stored manifest');
  const artifactType =
    manifest.artifactType ?? (manifest.kind === 'manifest' ? manifest.config.mediaType : undefined);
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}
