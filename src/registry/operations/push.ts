/**
 * Pushing manifests: with repair of blobs that the registry lost, several tags, and the upkeep of the
 * referrers list where the registry does not keep it itself.
 */

import {
  type Descriptor,
  type Digest,
  digestOf,
  type Index,
  isDigest,
  type Manifest,
  parseManifest,
} from '../../model/index.ts';
import { type PushedManifest, putManifest } from '../endpoints/manifests.ts';
import { nameOf } from '../endpoints/place.ts';
import { isStatus, RequestFailure } from '../http/failure.ts';
import { uploadBlob } from '../transfer/upload.ts';
import { addReferrer } from './referrers-tag.ts';
import { type RepositoryState, runSmall } from './state.ts';

/** What is pushed. */
export interface PushInput {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  /** Tags to move to the manifest; none leaves it reachable by digest only. */
  readonly tags: readonly string[];
}

/** Pushes a manifest byte for byte; returns its digest. Tags move only after everything else is in place. */
export async function pushManifest(
  state: RepositoryState,
  input: PushInput,
  signal: AbortSignal,
): Promise<Digest> {
  const { tags } = input;
  const digest = digestOf(input.bytes);
  const document = parseManifest(input.bytes, input.mediaType, nameOf(state.place, digest));
  const pushed = await pushUnderTags(state, { ...input, digest, document }, tags, signal);
  if (document.subject !== undefined && !pushed.subjectNoted) {
    await addReferrer(state, document.subject, describe(document, digest), signal);
  }
  return digest;
}

interface Push {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly document: Manifest | Index;
}

async function pushUnderTags(
  state: RepositoryState,
  push: Push,
  tags: readonly string[],
  signal: AbortSignal,
): Promise<PushedManifest> {
  const [first] = tags;
  if (first === undefined || tags.length === 1)
    return pushOne(state, push, { selector: first ?? push.digest }, signal);
  const { quirks } = state.place.host;
  let pushed: PushedManifest = { subjectNoted: false, tags: [] };
  if (quirks.manyTags) {
    pushed = await pushMany(state, push, tags, signal);
    quirks.manyTags = pushed.tags.length > 0;
  }
  for (const selector of tags.filter((tag) => !pushed.tags.includes(tag))) {
    const { subjectNoted } = await pushOne(state, push, { selector }, signal);
    pushed = { subjectNoted, tags: [...pushed.tags, selector] };
  }
  return pushed;
}

/** Asks the registry to set several tags at once; one that does not know that sets none of them. */
async function pushMany(
  state: RepositoryState,
  push: Push,
  tags: readonly string[],
  signal: AbortSignal,
): Promise<PushedManifest> {
  const none = { subjectNoted: false, tags: [] };
  const { place } = state;
  return runSmall(place, { what: operationOf(state, push.digest) }, signal, async () => {
    try {
      return await putOrRepair(state, push, { selector: push.digest, tags }, signal);
    } catch (error) {
      if (isStatus(error, 400, 404, 405, 414, 431)) return none;
      throw error;
    }
  });
}

interface Target {
  readonly selector: string;
  readonly tags?: readonly string[];
}

function pushOne(
  state: RepositoryState,
  push: Push,
  target: Target,
  signal: AbortSignal,
): Promise<PushedManifest> {
  const what = operationOf(state, target.selector);
  const operation = { what, notFound: 'REGISTRY_REFUSED' } as const;
  return runSmall(state.place, operation, signal, () => putOrRepair(state, push, target, signal));
}

function operationOf(state: RepositoryState, selector: string): string {
  return `push the manifest of ${nameOf(state.place, selector)}`;
}

/** A registry may have dropped a blob between its upload and now: it is uploaded again, once. */
async function putOrRepair(
  state: RepositoryState,
  push: Push,
  target: Target,
  signal: AbortSignal,
): Promise<PushedManifest> {
  const { bytes, mediaType, digest } = push;
  const put = (): Promise<PushedManifest> =>
    putManifest(state.place, { bytes, mediaType, digest, ...target }, signal);
  try {
    return await put();
  } catch (error) {
    if (!isMissingBlob(error) || !(await repair(state, push.document, error, signal))) throw error;
    return put();
  }
}

function isMissingBlob(error: unknown): error is RequestFailure {
  return error instanceof RequestFailure && error.hasCode('MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN');
}

async function repair(
  state: RepositoryState,
  document: Manifest | Index,
  failure: RequestFailure,
  signal: AbortSignal,
): Promise<boolean> {
  const named = failure.errors.map(({ digest }) => digest).filter(isDigest);
  const parts = document.kind === 'manifest' ? [document.config, ...document.layers] : [];
  const suspects = named.length > 0 ? named : parts.map(({ digest }) => digest);
  const blobs = suspects.flatMap((digest) => state.known.get(digest) ?? []);
  for (const blob of blobs) {
    state.place.host.tell(
      'info',
      `the registry lost blob ${blob.descriptor.digest}: uploading again`,
    );
    const force = named.length > 0;
    await uploadBlob(state.place, { ...blob, mountFrom: [], force }, signal);
  }
  return blobs.length > 0;
}

/** The descriptor by which a referrers list shows a manifest. */
function describe(document: Manifest | Index, digest: Digest): Descriptor {
  const { mediaType, raw, annotations } = document;
  const artifactType =
    document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
  return {
    mediaType,
    digest,
    size: raw.length,
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}
