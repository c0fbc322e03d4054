/** Sends an image to its destination: blobs first, the manifest last, so that the name moves when all is there. */

import pLimit from 'p-limit';
import type { BlobSource, PutOutcome } from '../blob/index.ts';
import { bytesSource } from '../blob/index.ts';
import type { ProgressEvent, Reporter } from '../events/index.ts';
import type { ComposedImage, ImageDestination, ImageSource } from '../image/index.ts';
import { type Descriptor, digestOf, type Manifest } from '../model/index.ts';
import type { Store } from '../store/index.ts';
import type { PhaseOutcome } from './phase-timer.ts';
import type { LayerReport, TransferReport } from './request.ts';

const parallelBlobs = 4;

/** What sending works through. */
export interface SendDeps {
  readonly store: Store;
  readonly reporter: Reporter;
  readonly now: () => number;
}

/** Where the image now is, and what it took. */
export interface PublishedImage {
  /** As users pull it, with digest where the transport has digests. */
  readonly reference: string;
  readonly layers: readonly LayerReport[];
  readonly transfer: Pick<TransferReport, 'mounted' | 'pushed' | 'skipped'>;
}

/** Where a layer's blob is. */
export interface LayerOrigin {
  readonly origin: LayerReport['origin'];
  readonly blobs: BlobSource;
  /** The image that it can be mounted from; absent for a layer that was made on this machine. */
  readonly near?: ImageSource;
}

/** What to send and where. */
export interface SendInput {
  readonly image: ComposedImage;
  /** One for each layer of the image. */
  readonly layers: readonly LayerOrigin[];
  readonly destination: ImageDestination;
  /** The image is likely to be there already: worth a question before anything is sent. */
  readonly mayBeThere?: boolean;
}

/** Sends an image, unless it is there already. */
export async function sendImage(
  deps: SendDeps,
  input: SendInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<PublishedImage>> {
  const { image, layers, destination } = input;
  const current = input.mayBeThere ? await destination.current?.(signal) : undefined;
  if (current?.digest !== digestOf(image.manifest.raw)) return send(deps, input, signal);
  const { reference } = current;
  return {
    value: { reference, ...reportLayers(image.manifest, layers, []) },
    detail: 'already there',
  };
}

/** A layer is read from the store when it is there, else from its origin. */
async function send(
  deps: SendDeps,
  { image, layers, destination }: SendInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<PublishedImage>> {
  const { manifest, configBytes } = image;
  const limit = pLimit(parallelBlobs);
  const put = (descriptor: Descriptor, { blobs, near }: Omit<LayerOrigin, 'origin'>) => {
    const mountFrom = near && destination.mountableFrom(near);
    return limit(() =>
      destination.put(descriptor, (abort) => blobs.open(descriptor, abort), {
        signal,
        ...(mountFrom === undefined ? {} : { mountFrom }),
        onProgress: (current) => deps.reporter.emit(progressOf(descriptor, current, deps.now())),
      }),
    );
  };
  const outcomes = await Promise.all(
    manifest.layers.map((descriptor, i) => {
      const { blobs, near } = layers[i] ?? { blobs: deps.store };
      return put(descriptor, { blobs: storedOr(deps.store, blobs), ...(near ? { near } : {}) });
    }),
  );
  await put(manifest.config, { blobs: bytesSource(configBytes) });
  const options = { tag: true, signal };
  const reference = await destination.putManifest(manifest.raw, manifest.mediaType, options);
  const reports = reportLayers(manifest, layers, outcomes);
  return { value: { reference, ...reports }, detail: describe(outcomes) };
}

/** Tells how layers came to their destination; those without an outcome were there. */
function reportLayers(
  manifest: Manifest,
  origins: readonly LayerOrigin[],
  outcomes: readonly PutOutcome[],
): Pick<PublishedImage, 'layers' | 'transfer'> {
  const layers = manifest.layers.map(({ digest, size }, i): LayerReport => {
    const { origin } = origins[i] ?? { origin: 'build' };
    return { digest, size, origin, outcome: outcomes[i] ?? 'present' };
  });
  return { layers, transfer: transferOf(layers) };
}

function progressOf({ digest, size }: Descriptor, current: number, time: number): ProgressEvent {
  const label = digest.slice(7, 19);
  return {
    ...{ type: 'progress', phase: 'publish', id: digest, label, current },
    ...{ total: size, unit: 'bytes', time },
  };
}

function storedOr(store: Store, fallback: BlobSource): BlobSource {
  return {
    open: async (descriptor, signal) =>
      ((await store.has(descriptor.digest)) ? store : fallback).open(descriptor, signal),
  };
}

function transferOf(layers: readonly LayerReport[]): PublishedImage['transfer'] {
  const sum = (outcome: PutOutcome) =>
    layers
      .filter((layer) => layer.outcome === outcome)
      .reduce((total, layer) => total + layer.size, 0);
  return { mounted: sum('mounted'), pushed: sum('uploaded'), skipped: sum('present') };
}

function describe(outcomes: readonly PutOutcome[]): string {
  const count = (wanted: PutOutcome) => outcomes.filter((outcome) => outcome === wanted).length;
  return `layers: ${count('uploaded')} uploaded, ${count('mounted')} mounted, ${count('present')} already there`;
}
