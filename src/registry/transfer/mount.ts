/**
 * Cross-repository mounts. A mount is an offer: whatever goes wrong with it, the blob is simply uploaded.
 */

import type { Descriptor } from '../../model/index.ts';
import type { Place } from '../endpoints/place.ts';
import { cancelUpload, mountBlob, type UploadSession } from '../endpoints/uploads.ts';
import { RequestFailure } from '../http/failure.ts';

const maxSources = 3;

/**
 * Tries to mount a blob from one of several repositories. When none lends it, the session that the last
 * one opened is used for the upload; sessions of the others are given up.
 */
export async function tryMounts(
  place: Place,
  descriptor: Descriptor,
  sources: readonly string[],
  signal: AbortSignal,
): Promise<'mounted' | UploadSession | undefined> {
  let session: UploadSession | undefined;
  for (const source of sources.slice(0, maxSources)) {
    if (source === place.repository) continue;
    const result = await mountOnce(place, descriptor, source, signal);
    if (result !== undefined && session !== undefined) {
      await cancelUpload(place, session, signal).catch(() => {});
    }
    if (result === 'mounted') return result;
    session = result ?? session;
  }
  return session;
}

async function mountOnce(
  place: Place,
  descriptor: Descriptor,
  source: string,
  signal: AbortSignal,
): Promise<'mounted' | UploadSession | undefined> {
  try {
    return await mountBlob(place, descriptor.digest, source, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RequestFailure)) throw error;
    place.host.tell('debug', `mounting ${descriptor.digest} from ${source}: ${error.message}`);
    return undefined;
  }
}
