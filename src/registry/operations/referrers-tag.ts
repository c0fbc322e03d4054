/**
 * The referrers tag: the list of what refers to a manifest, kept by clients for registries without the
 * referrers API (distribution-spec, "Referrers Tag Schema").
 *
 * Two clients may write it at once. A conditional PUT is used where the registry gives an entity tag, but many
 * registries take it for a plain one. So the list is read back when writers who had read it before we wrote
 * should be done too; what one of them dropped is merged again, a few times.
 */

import { BuildError } from '../../errors/index.ts';
import {
  composeIndex,
  type Descriptor,
  type Digest,
  digestOf,
  type Index,
  mediaTypes,
  parseManifest,
} from '../../model/index.ts';
import { deleteManifest, getManifest, putManifest } from '../endpoints/manifests.ts';
import { nameOf } from '../endpoints/place.ts';
import { isStatus } from '../http/failure.ts';
import { type RepositoryState, runSmall } from './state.ts';

const maxRounds = 8;

/** The least pause before the list is read back, in milliseconds. */
const leastPause = 100;

/** Returns the tag under which referrers of a digest are listed. */
export function referrersTag(digest: Digest): string {
  const [algorithm = '', encoded = ''] = digest.split(':');
  const tag = `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`;
  return tag.replace(/[^A-Za-z0-9_.-]/g, '-');
}

/** Adds a manifest to the list of its subject; one that is there already stays once. */
export function addReferrer(
  state: RepositoryState,
  subject: Descriptor,
  referrer: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  return edit(state, subject.digest, signal, (manifests) =>
    manifests.some(({ digest }) => digest === referrer.digest)
      ? undefined
      : [...manifests, referrer],
  );
}

/** Removes a manifest from the list of its subject. */
export function removeReferrer(
  state: RepositoryState,
  subject: Descriptor,
  referrer: Digest,
  signal: AbortSignal,
): Promise<void> {
  return edit(state, subject.digest, signal, (manifests) =>
    manifests.some(({ digest }) => digest === referrer)
      ? manifests.filter(({ digest }) => digest !== referrer)
      : undefined,
  );
}

/** Reads the list; a missing one is empty. */
export async function readReferrersTag(
  state: RepositoryState,
  subject: Digest,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  return (await read(state, subject, signal)).manifests;
}

type Change = (manifests: readonly Descriptor[]) => readonly Descriptor[] | undefined;

async function edit(
  state: RepositoryState,
  subject: Digest,
  signal: AbortSignal,
  change: Change,
): Promise<void> {
  const { clock, random } = state.context;
  for (let round = 0; round < maxRounds; round += 1) {
    const started = clock.now();
    const current = await read(state, subject, signal);
    const manifests = change(current.manifests);
    if (manifests === undefined) return;
    await write(state, subject, manifests, current, signal);
    // Others need about as long as we did between reading and writing; chance keeps them from moving in step.
    const taken = clock.now() - started;
    await clock.sleep((leastPause + 2 * taken) * (1 + random()), signal);
  }
  if (change((await read(state, subject, signal)).manifests) === undefined) return;
  throw new BuildError(
    'REGISTRY_REFUSED',
    `cannot update ${nameOf(state.place, referrersTag(subject))}: others change it all the time`,
    { retryable: true },
  );
}

interface Current {
  readonly manifests: readonly Descriptor[];
  readonly index: Index | undefined;
  readonly entityTag: string | undefined;
}

function read(state: RepositoryState, subject: Digest, signal: AbortSignal): Promise<Current> {
  const tag = referrersTag(subject);
  const name = nameOf(state.place, tag);
  return runSmall(state.place, { what: `read the referrers tag ${name}` }, signal, async () => {
    try {
      const found = await getManifest(state.place, tag, {}, signal);
      const index = parseManifest(found.bytes, found.contentType, name);
      if (index.kind === 'index')
        return { manifests: index.manifests, index, entityTag: found.entityTag };
    } catch (error) {
      if (isStatus(error, 404)) return { manifests: [], index: undefined, entityTag: undefined };
      throw error;
    }
    throw new BuildError('REGISTRY_PROTOCOL', `${name} should list referrers but is an image`);
  });
}

/** Writes the list; that somebody else was faster is no error but shows at the next reading. */
async function write(
  state: RepositoryState,
  subject: Digest,
  manifests: readonly Descriptor[],
  current: Current,
  signal: AbortSignal,
): Promise<void> {
  const { place } = state;
  const tag = referrersTag(subject);
  const what = `write the referrers tag ${nameOf(place, tag)}`;
  await runSmall(place, { what }, signal, async () => {
    try {
      if (manifests.length === 0) {
        await deleteManifest(
          place,
          current.index === undefined ? tag : digestOf(current.index.raw),
          signal,
        );
        return;
      }
      const { raw } = composeIndex(manifests);
      const conditional = current.entityTag === undefined ? {} : { ifMatch: current.entityTag };
      await putManifest(
        place,
        {
          selector: tag,
          bytes: raw,
          mediaType: mediaTypes.ociIndex,
          digest: digestOf(raw),
          ...conditional,
        },
        signal,
      );
    } catch (error) {
      if (!isStatus(error, 404, 412)) throw error;
    }
  });
}
