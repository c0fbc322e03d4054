/**
 * Manifests: end-3 (GET, HEAD), end-7 (PUT) and end-9 (DELETE) of the distribution-spec.
 *
 * Each function makes one attempt and rejects with a RequestFailure, or with a BuildError for what no
 * repetition can cure.
 */

import { BuildError } from '../../errors/index.ts';
import {
  algorithmOf,
  bareMediaType,
  type Descriptor,
  type Digest,
  digestOf,
  isDigest,
  isIndexType,
  isManifestType,
  isSchema1Type,
  manifestAccept,
  maxManifestSize,
} from '../../model/index.ts';
import { type Answer, unexpected } from '../host/exchange.ts';
import { receiveAll } from '../host/receive.ts';
import { BodyTooLarge, discard } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';
import { contentLength, headerOf } from '../http/types.ts';
import { nameOf, type Place, send } from './place.ts';

const accept = manifestAccept.join(', ');

/** A manifest as it came. */
export interface ReceivedManifest {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
  readonly digest: Digest;
  /** A strong entity tag, for writing only if nothing has changed. */
  readonly entityTag: string | undefined;
}

/**
 * Asks for a manifest's descriptor without its body. Returns undefined when the answer is no use and a
 * GET has to be made: missing headers, HEAD not allowed, or a refusal whose reason only a GET shows.
 */
export async function headManifest(
  place: Place,
  selector: string,
  signal: AbortSignal,
): Promise<Descriptor | undefined> {
  const answer = await send(
    place,
    {
      kind: 'manifest-head',
      method: 'HEAD',
      path: `manifests/${selector}`,
      action: 'pull',
      headers: { accept },
      redirects: 'report',
    },
    signal,
  );
  const { status } = answer;
  if (status === 404 || status === 429 || status >= 500) throw await unexpected(place.host, answer);
  await discard(answer);
  if (status !== 200) return undefined;
  const mediaType = bareMediaType(headerOf(answer, 'content-type') ?? '');
  refuseSchema1(mediaType, nameOf(place, selector));
  const digest = headerOf(answer, 'docker-content-digest');
  const size = contentLength(answer);
  if (!isDigest(digest) || size === undefined || size === 0) return undefined;
  if (!isManifestType(mediaType) && !isIndexType(mediaType)) return undefined;
  if (isDigest(selector) && digest !== selector) {
    if (algorithmOf(digest) !== algorithmOf(selector)) return undefined;
    throw corrupt(`asked for ${selector}, the registry has ${digest}`, answer);
  }
  return { mediaType, digest, size };
}

/**
 * Fetches a manifest by tag or digest and checks the digest.
 *
 * @param expected its digest, when it is known
 */
export async function getManifest(
  place: Place,
  selector: string,
  expected: { readonly digest?: Digest; readonly size?: number },
  signal: AbortSignal,
): Promise<ReceivedManifest> {
  const answer = await send(
    place,
    {
      kind: 'manifest-get',
      method: 'GET',
      path: `manifests/${selector}`,
      action: 'pull',
      headers: { accept },
    },
    signal,
  );
  if (answer.status !== 200) throw await unexpected(place.host, answer);
  const contentType = headerOf(answer, 'content-type');
  refuseSchema1(bareMediaType(contentType ?? ''), nameOf(place, selector));
  const bytes = await readManifestBody(place, selector, answer, signal);
  if (expected.size !== undefined && bytes.length !== expected.size) {
    throw corrupt(`${bytes.length} bytes came where ${expected.size} were announced`, answer, true);
  }
  const told = headerOf(answer, 'docker-content-digest');
  const wanted = expected.digest ?? (isDigest(told) ? told : undefined);
  const digest = digestOf(bytes, wanted === undefined ? 'sha256' : algorithmOf(wanted));
  if (wanted !== undefined && digest !== wanted) {
    throw corrupt(`the content has digest ${digest} instead of ${wanted}`, answer);
  }
  const tag = headerOf(answer, 'etag');
  const entityTag = tag?.startsWith('"') === true ? tag : undefined;
  return { bytes, contentType, digest, entityTag };
}

/** What the registry answered to a pushed manifest. */
export interface PushedManifest {
  /** Whether the registry keeps its own list of referrers and has noted the subject. */
  readonly subjectNoted: boolean;
  /** Tags that were set besides the one in the path. */
  readonly tags: readonly string[];
}

/** Stores a manifest under a tag or its digest, exactly as given. */
export async function putManifest(
  place: Place,
  input: {
    readonly selector: string;
    readonly bytes: Uint8Array;
    readonly mediaType: string;
    readonly digest: Digest;
    /** Further tags, for registries that set several at once; only with a digest as selector. */
    readonly tags?: readonly string[];
    /** The entity tag that the stored manifest must still have. */
    readonly ifMatch?: string;
  },
  signal: AbortSignal,
): Promise<PushedManifest> {
  const { selector, bytes, mediaType, digest, tags = [], ifMatch } = input;
  const query = tags.length === 0 ? '' : `?${tags.map((tag) => `tag=${tag}`).join('&')}`;
  const answer = await send(
    place,
    {
      kind: 'manifest-put',
      method: 'PUT',
      path: `manifests/${selector}${query}`,
      action: 'push',
      body: bytes,
      headers: {
        'content-type': mediaType,
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
      },
    },
    signal,
  );
  if (answer.status !== 201) throw await unexpected(place.host, answer);
  await discard(answer);
  refuseOtherDigest(answer, digest);
  return {
    subjectNoted: answer.headers.has('oci-subject'),
    tags: (answer.headers.get('oci-tag') ?? []).flatMap((value) => value.split(/\s*,\s*/)),
  };
}

/** Deletes a manifest by digest, or a tag where the registry can. A missing one is a 404 failure. */
export async function deleteManifest(
  place: Place,
  selector: string,
  signal: AbortSignal,
): Promise<void> {
  const answer = await send(
    place,
    {
      kind: 'manifest-delete',
      method: 'DELETE',
      path: `manifests/${selector}`,
      action: 'delete',
    },
    signal,
  );
  if (answer.status !== 202 && answer.status !== 200 && answer.status !== 204) {
    throw await unexpected(place.host, answer);
  }
  await discard(answer);
}

/** Fails when a registry reports another digest of the same algorithm for what was sent. */
export function refuseOtherDigest(answer: Answer, digest: Digest): void {
  const told = headerOf(answer, 'docker-content-digest');
  if (!isDigest(told) || told === digest || algorithmOf(told) !== algorithmOf(digest)) return;
  throw corrupt(`the registry stored ${told} instead of ${digest}`, answer);
}

async function readManifestBody(
  place: Place,
  selector: string,
  answer: Answer,
  signal: AbortSignal,
): Promise<Buffer> {
  try {
    if ((contentLength(answer) ?? 0) > maxManifestSize) throw new BodyTooLarge(maxManifestSize);
    return await receiveAll(place.host.context, answer, maxManifestSize, signal);
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error;
    answer.body.destroy();
    throw new BuildError(
      'LIMIT_EXCEEDED',
      `the manifest of ${nameOf(place, selector)} is larger than ${error.limit} bytes`,
    );
  }
}

function refuseSchema1(mediaType: string, name: string): void {
  if (!isSchema1Type(mediaType)) return;
  throw new BuildError(
    'MEDIA_TYPE_UNSUPPORTED',
    `${name} is a Docker schema 1 image, which has no verifiable layers`,
    { suggestion: 'push the image again with a current tool; schema 1 was replaced in 2015' },
  );
}

function corrupt(why: string, answer: Answer, size = false): RequestFailure {
  const { method, url } = answer;
  return new RequestFailure('corrupt', why, {
    method,
    url,
    code: size ? 'SIZE_MISMATCH' : 'DIGEST_MISMATCH',
  });
}
