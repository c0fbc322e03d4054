/**
 * Blobs: end-2 (GET, HEAD) and end-10 (DELETE) of the distribution-spec. One attempt each.
 */

import type { Descriptor, Digest } from '../../model/index.ts';
import { type Answer, unexpected } from '../host/exchange.ts';
import { discard } from '../http/body.ts';
import { RequestFailure } from '../http/failure.ts';
import { contentLength, headerOf } from '../http/types.ts';
import { type Place, send } from './place.ts';

/** Tells whether a blob is there. A redirect to a storage means that it is. */
export async function headBlob(
  place: Place,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await send(
    place,
    {
      kind: 'blob-head',
      method: 'HEAD',
      path: `blobs/${descriptor.digest}`,
      action: 'pull',
      redirects: 'report',
    },
    signal,
  );
  const { status } = answer;
  const absent = status === 404 || status === 405;
  const present = status === 200 || (status >= 300 && status < 400);
  if (!absent && !present) throw await unexpected(place.host, answer);
  await discard(answer);
  const size = contentLength(answer);
  return present && (status !== 200 || size === undefined || size === descriptor.size);
}

/** An open blob and the offset at which its body begins. */
export interface OpenedBlob {
  readonly answer: Answer;
  /** 0 when the registry ignored the range that was asked for. */
  readonly start: number;
}

/** What to open. */
export interface BlobRequest {
  readonly descriptor: Descriptor;
  /** Where to begin; before the blob's end. */
  readonly offset: number;
  /** Where a foreign layer lies; asked without authorization. */
  readonly source?: URL | undefined;
}

/** Opens a blob from an offset on. */
export async function getBlob(
  place: Place,
  request: BlobRequest,
  signal: AbortSignal,
): Promise<OpenedBlob> {
  const { descriptor, offset, source } = request;
  const answer = await send(
    place,
    {
      kind: 'blob-get',
      method: 'GET',
      path: source ?? `blobs/${descriptor.digest}`,
      anonymous: source !== undefined,
      action: 'pull',
      headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
    },
    signal,
  );
  if (answer.status === 206 && offset > 0) return opened(answer, offset, descriptor.size);
  if (answer.status !== 200) throw await unexpected(place.host, answer);
  const length = contentLength(answer);
  if (length !== undefined && length !== descriptor.size) {
    answer.body.destroy();
    throw new RequestFailure(
      'corrupt',
      `${length} bytes were announced where ${descriptor.size} were expected`,
      { method: 'GET', url: answer.url, code: 'SIZE_MISMATCH' },
    );
  }
  return { answer, start: 0 };
}

/** A part must begin where it was asked to; anything else is not joined to what is there already. */
function opened(answer: Answer, offset: number, size: number): OpenedBlob {
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(
    headerOf(answer, 'content-range') ?? '',
  );
  const total = range?.[3];
  if (range !== null && Number(range[1]) === offset && (total === '*' || Number(total) === size)) {
    return { answer, start: offset };
  }
  answer.body.destroy();
  throw new RequestFailure('protocol', 'the registry answered with another range than asked for', {
    method: 'GET',
    url: answer.url,
    status: answer.status,
  });
}

/** Deletes a blob. A missing one is a 404 failure. */
export async function deleteBlob(place: Place, digest: Digest, signal: AbortSignal): Promise<void> {
  const answer = await send(
    place,
    { kind: 'blob-delete', method: 'DELETE', path: `blobs/${digest}`, action: 'delete' },
    signal,
  );
  if (answer.status !== 202 && answer.status !== 204) throw await unexpected(place.host, answer);
  await discard(answer);
}
