/**
 * Resolving and fetching manifests, opening blobs.
 */

import { Readable } from 'node:stream';
import { BuildError } from '../../errors/index.ts';
import {
  type Descriptor,
  digestOf,
  isDigest,
  isForeignLayerType,
  parseManifest,
} from '../../model/index.ts';
import { getManifest, headManifest } from '../endpoints/manifests.ts';
import { nameOf, type Place } from '../endpoints/place.ts';
import type { RegistryHost } from '../host/host.ts';
import { withRetry } from '../host/retry.ts';
import { adoptUrl } from '../http/adopt.ts';
import { openDownload } from '../transfer/download.ts';
import { giveUpMirror, type RepositoryState, throughMirrors } from './state.ts';

/** Pins a tag or digest. */
export function resolveManifest(
  state: RepositoryState,
  selector: string,
  signal: AbortSignal,
): Promise<Descriptor> {
  const by = isDigest(selector) ? 'digest' : 'tag';
  return throughMirrors(state, by, signal, (place, attempts) =>
    small(place, `resolve ${nameOf(place, selector)}`, attempts, signal, async () => {
      const known = await headManifest(place, selector, signal);
      if (known !== undefined) return known;
      const expected = isDigest(selector) ? { digest: selector } : {};
      const { bytes, contentType, digest } = await getManifest(place, selector, expected, signal);
      const { mediaType } = parseManifest(bytes, contentType, nameOf(place, selector));
      return { mediaType, digest, size: bytes.length };
    }),
  );
}

/** Fetches and verifies a manifest's bytes. */
export function fetchManifest(
  state: RepositoryState,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { digest, data } = descriptor;
  if (data !== undefined) return Promise.resolve(Buffer.from(data, 'base64'));
  return throughMirrors(state, 'digest', signal, (place, attempts) =>
    small(place, `fetch the manifest ${nameOf(place, digest)}`, attempts, signal, async () => {
      const { bytes, contentType } = await getManifest(place, digest, descriptor, signal);
      parseManifest(bytes, contentType, nameOf(place, digest));
      return bytes;
    }),
  );
}

/** Opens a blob: embedded data, mirrors, the registry, the URLs of a foreign layer. */
export async function openBlob(
  state: RepositoryState,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Readable> {
  const { data, size, digest } = descriptor;
  if (data !== undefined) {
    return Readable.from([Buffer.from(data, 'base64')], { objectMode: false });
  }
  if (size === 0 && digestOf('') === digest) return Readable.from([], { objectMode: false });
  try {
    return await throughMirrors(state, 'digest', signal, async (place, attempts) => {
      const open = () => openDownload(place, { descriptor, attempts }, signal);
      const stream = await inSlot(place.host, signal, open);
      // What turns out to be damaged is asked for elsewhere the next time.
      stream.once('error', () => giveUpMirror(state, place));
      return stream;
    });
  } catch (error) {
    if (!(error instanceof BuildError && error.code === 'BLOB_NOT_FOUND')) throw error;
    return openForeign(state, descriptor, error, signal);
  }
}

/** Tries the URLs of a foreign layer, without credentials. */
async function openForeign(
  state: RepositoryState,
  descriptor: Descriptor,
  notFound: BuildError,
  signal: AbortSignal,
): Promise<Readable> {
  const { urls = [], mediaType } = descriptor;
  const allowed = state.context.settings.foreignLayerUrls && isForeignLayerType(mediaType);
  let last: unknown = notFound;
  for (const url of allowed ? urls : []) {
    try {
      return await inSlot(state.place.host, signal, async () => {
        const from = { url: await state.place.host.base(), method: 'GET', status: 404 } as const;
        const source = adoptUrl(url, from, 'foreign layer URL');
        return openDownload(state.place, { descriptor, source }, signal);
      });
    } catch (error) {
      signal.throwIfAborted();
      last = error;
    }
  }
  throw last;
}

function small<T>(
  place: Place,
  what: string,
  attempts: number | undefined,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const operation = { what, notFound: 'IMAGE_NOT_FOUND', attempts } as const;
  return place.host.limits.small(() => withRetry(place.host, operation, signal, work));
}

/** Opens a stream in one of the host's pull slots, which is given back when the stream is closed. */
async function inSlot(
  host: RegistryHost,
  signal: AbortSignal,
  open: () => Promise<Readable>,
): Promise<Readable> {
  const release = await takeSlot(host, signal);
  try {
    const stream = await open();
    stream.once('close', release);
    return stream;
  } catch (error) {
    release();
    throw error;
  }
}

function takeSlot(host: RegistryHost, signal: AbortSignal): Promise<() => void> {
  return new Promise((resolve, reject) => {
    host.limits
      .pull(() => {
        signal.throwIfAborted();
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}
