/**
 * Phase `publish`: makes the new image present at its destination. Blobs first, the manifest last: the
 * tag moves only when everything it needs is there.
 */

import pLimit from 'p-limit';
import type { BlobSource, PutOutcome } from '../../blob/index.ts';
import { bytesSource } from '../../blob/index.ts';
import type { Reporter } from '../../events/index.ts';
import type { ComposedImage, ImageDestination, ImageSource } from '../../image/index.ts';
import type { Descriptor } from '../../model/index.ts';
import type { Store } from '../../store/index.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { LayerReport, TransferReport } from '../request.ts';

const parallelBlobs = 4;

/** What to publish and where. */
export interface PublishInput {
  readonly image: ComposedImage;
  /** Layers of the result that come from the builder image; the rest is in the store. */
  readonly builderLayers: number;
  readonly builder: ImageSource;
  readonly destination: ImageDestination;
}

/** Where the image now is, and what it took. */
export interface PublishedImage {
  /** As users pull it, with digest where the transport has digests. */
  readonly reference: string;
  readonly layers: readonly LayerReport[];
  readonly transfer: Pick<TransferReport, 'mounted' | 'pushed' | 'skipped'>;
}

/** Publishes an image. */
export async function publish(
  deps: { readonly store: Store; readonly reporter: Reporter; readonly now: () => number },
  input: PublishInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<PublishedImage>> {
  const { manifest, configBytes } = input.image;
  const limit = pLimit(parallelBlobs);
  const put = (descriptor: Descriptor, source: BlobSource, mountFrom?: string) =>
    limit(() =>
      input.destination.put(descriptor, (abort) => source.open(descriptor, abort), {
        signal,
        ...(mountFrom === undefined ? {} : { mountFrom }),
        onProgress: (current) =>
          deps.reporter.emit({
            type: 'progress',
            phase: 'publish',
            id: descriptor.digest,
            label: descriptor.digest.slice(7, 19),
            current,
            total: descriptor.size,
            unit: 'bytes',
            time: deps.now(),
          }),
      }),
    );
  const mountFrom = input.destination.mountableFrom(input.builder);
  const outcomes = await Promise.all(
    manifest.layers.map((layer, i) =>
      i < input.builderLayers
        ? put(layer, storedOr(deps.store, input.builder), mountFrom)
        : put(layer, deps.store),
    ),
  );
  await put(manifest.config, bytesSource(configBytes));
  const reference = await input.destination.putManifest(manifest.raw, manifest.mediaType, {
    tag: true,
    signal,
  });
  const layers = manifest.layers.map((layer, i) => ({
    digest: layer.digest,
    size: layer.size,
    origin: i < input.builderLayers ? ('builder' as const) : ('build' as const),
    outcome: outcomes[i] ?? 'present',
  }));
  return {
    value: { reference, layers, transfer: countTransfer(layers) },
    detail: describe(layers),
  };
}

/** Reads a builder layer from the store when it is there, else straight from where the builder image is. */
function storedOr(store: Store, fallback: BlobSource): BlobSource {
  return {
    open: async (descriptor, signal) =>
      ((await store.has(descriptor.digest)) ? store : fallback).open(descriptor, signal),
  };
}

function countTransfer(
  layers: readonly LayerReport[],
): Pick<TransferReport, 'mounted' | 'pushed' | 'skipped'> {
  const sum = (outcome: PutOutcome) =>
    layers
      .filter((layer) => layer.outcome === outcome)
      .reduce((total, layer) => total + layer.size, 0);
  return { mounted: sum('mounted'), pushed: sum('uploaded'), skipped: sum('present') };
}

function describe(layers: readonly LayerReport[]): string {
  const count = (outcome: PutOutcome) => layers.filter((layer) => layer.outcome === outcome).length;
  return `layers: ${count('uploaded')} uploaded, ${count('mounted')} mounted, ${count('present')} already there`;
}
