/**
 * Blob uploads: end-4a, end-5, end-6, end-11, end-13 and end-14 of the distribution-spec. One attempt
 * each; a Location is adopted only after it was checked.
 */

import type { Digest } from '../../model/index.ts';
import { repositoryScope } from '../auth/scope.ts';
import { type Answer, unexpected } from '../host/exchange.ts';
import { adoptUrl } from '../http/adopt.ts';
import { discard } from '../http/body.ts';
import { headerOf, type StreamBody } from '../http/types.ts';
import { refuseOtherDigest } from './manifests.ts';
import { type Place, send } from './place.ts';

/** An open upload. */
export interface UploadSession {
  /** Always the newest one; it carries the registry's state. */
  readonly location: URL;
  /** Bytes that the registry has. */
  readonly offset: number;
  /** The least size of a piece but the last that the registry accepts. */
  readonly minChunk: number;
}

/** Opens an upload. */
export async function startUpload(place: Place, signal: AbortSignal): Promise<UploadSession> {
  const answer = await send(
    place,
    { kind: 'upload-start', method: 'POST', path: 'blobs/uploads/', action: 'push' },
    signal,
  );
  if (answer.status !== 202) throw await unexpected(place.host, answer);
  await discard(answer);
  return sessionOf(answer, 0);
}

/** Asks the registry to take a blob from another repository. A session means: not done, upload here. */
export async function mountBlob(
  place: Place,
  digest: Digest,
  from: string,
  signal: AbortSignal,
): Promise<'mounted' | UploadSession> {
  const query = new URLSearchParams({ mount: digest, from });
  const answer = await send(
    place,
    {
      kind: 'upload-start',
      method: 'POST',
      path: `blobs/uploads/?${query}`,
      action: 'push',
      extraScopes: [repositoryScope(from, 'pull')],
    },
    signal,
  );
  if (answer.status !== 201 && answer.status !== 202) throw await unexpected(place.host, answer);
  await discard(answer);
  if (answer.status === 202) return sessionOf(answer, 0);
  refuseOtherDigest(answer, digest);
  return 'mounted';
}

/** Sends one piece, beginning at the session's offset. */
export async function patchUpload(
  place: Place,
  session: UploadSession,
  piece: { readonly body: StreamBody; readonly onSent?: (bytes: number) => void },
  signal: AbortSignal,
): Promise<UploadSession> {
  const { location, offset } = session;
  const end = offset + piece.body.length;
  const answer = await send(
    place,
    {
      kind: 'upload-patch',
      method: 'PATCH',
      path: location,
      action: 'push',
      ...piece,
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${offset}-${end - 1}`,
      },
    },
    signal,
  );
  // ECR says 201 where the specification says 202.
  if (answer.status !== 202 && answer.status !== 201) throw await unexpected(place.host, answer);
  await discard(answer);
  const next = sessionOf(answer, end);
  return { ...next, minChunk: Math.max(next.minChunk, session.minChunk) };
}

/** Ends an upload, with all of the blob as body or none. */
export async function putUpload(
  place: Place,
  session: UploadSession,
  input: {
    readonly digest: Digest;
    readonly body?: StreamBody;
    readonly onSent?: (bytes: number) => void;
  },
  signal: AbortSignal,
): Promise<void> {
  const { digest, body, onSent } = input;
  const url = new URL(session.location);
  // Appended as text: a Location may be signed, and its own query must stay as it is.
  url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
  const answer = await send(
    place,
    {
      kind: 'upload-put',
      method: 'PUT',
      path: url,
      action: 'push',
      body: body ?? new Uint8Array(),
      ...(onSent === undefined ? {} : { onSent }),
      headers: { 'content-type': 'application/octet-stream' },
    },
    signal,
  );
  if (answer.status !== 201) throw await unexpected(place.host, answer);
  await discard(answer);
  refuseOtherDigest(answer, digest);
}

/** Asks how much of an upload the registry has; undefined when the session is of no more use. */
export async function uploadStatus(
  place: Place,
  session: UploadSession,
  signal: AbortSignal,
): Promise<UploadSession | undefined> {
  const answer = await send(
    place,
    { kind: 'upload-status', method: 'GET', path: session.location, action: 'push' },
    signal,
  );
  const range = /^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(answer, 'range') ?? '');
  await discard(answer);
  if (answer.status !== 204 || range === null) return undefined;
  // "0-0" is written for one byte as well as for none.
  const offset = range[1] === '0' ? 0 : Number(range[1]) + 1;
  if (!answer.headers.has('location')) return { ...session, offset };
  const { location } = sessionOf(answer, offset);
  return { ...session, location, offset };
}

/** Gives an upload up. The answer is of no interest. */
export async function cancelUpload(
  place: Place,
  session: UploadSession,
  signal: AbortSignal,
): Promise<void> {
  const answer = await send(
    place,
    { kind: 'upload-cancel', method: 'DELETE', path: session.location, action: 'push' },
    signal,
  );
  await discard(answer);
}

function sessionOf(answer: Answer, offset: number): UploadSession {
  const minimum = headerOf(answer, 'oci-chunk-min-length') ?? '';
  return {
    location: adoptUrl(headerOf(answer, 'location'), answer, 'upload location'),
    offset,
    minChunk: /^\d{1,9}$/.test(minimum) ? Number(minimum) : 0,
  };
}
