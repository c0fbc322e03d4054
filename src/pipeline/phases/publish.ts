/**
 * Phase `publish`: makes the new image present at its destination. Blobs first, the manifest last: the
 * tag moves only when everything it needs is there.
 */

import pLimit from 'p-limit';
import type { BlobSource, PutOutcome } from '../../blob/index.ts';
import { bytesSource } from '../../blob/index.ts';
import type { ProgressEvent, Reporter } from '../../events/index.ts';
import type { ComposedImage, ImageDestination, ImageSource } from '../../image/index.ts';
import { type Descriptor, digestOf } from '../../model/index.ts';
import type { Store } from '../../store/index.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { LayerReport, TransferReport } from '../request.ts';
import type { ResolvedImage } from './resolve.ts';

const parallelBlobs = 4;

/** What publishing works through. */
export interface PublishDeps {
  readonly store: Store;
  readonly reporter: Reporter;
  readonly now: () => number;
}

/** What to publish and where. */
export interface PublishInput {
  readonly image: ComposedImage;
  /** The builder image, whose layers are the first ones of the result. */
  readonly builder: ResolvedImage;
  /** Where the further layers are, and the image that has them when they are not on this machine. */
  readonly layer: {
    readonly blobs: BlobSource;
    readonly near?: ImageSource;
    readonly cached: { readonly used: boolean };
  };
  readonly destination: ImageDestination;
}

/** Where the image now is, and what it took. */
export interface PublishedImage {
  /** As users pull it, with digest where the transport has digests. */
  readonly reference: string;
  readonly layers: readonly LayerReport[];
  readonly transfer: Pick<TransferReport, 'mounted' | 'pushed' | 'skipped'>;
}

/** Publishes an image; asks first whether it is there when that is likely. */
export async function publish(
  deps: PublishDeps,
  input: PublishInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<PublishedImage>> {
  const { manifest } = input.image;
  const current = input.layer.cached.used ? await input.destination.current?.(signal) : undefined;
  if (current?.digest !== digestOf(manifest.raw)) return send(deps, input, signal);
  const layers = reportLayers(input, []);
  return {
    value: { reference: current.reference, layers, transfer: countTransfer(layers) },
    detail: 'already there',
  };
}

async function send(
  deps: PublishDeps,
  { image, builder, layer, destination }: PublishInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<PublishedImage>> {
  const { manifest, configBytes } = image;
  const limit = pLimit(parallelBlobs);
  const put = (descriptor: Descriptor, source: BlobSource, near?: ImageSource) => {
    const mountFrom = near && destination.mountableFrom(near);
    return limit(() =>
      destination.put(descriptor, (abort) => source.open(descriptor, abort), {
        signal,
        ...(mountFrom === undefined ? {} : { mountFrom }),
        onProgress: (current) => deps.reporter.emit(progressOf(descriptor, current, deps.now())),
      }),
    );
  };
  const outcomes = await Promise.all(
    manifest.layers.map((descriptor, i) =>
      i < builder.manifest.layers.length
        ? put(descriptor, storedOr(deps.store, builder.source), builder.source)
        : put(descriptor, layer.blobs, layer.near),
    ),
  );
  await put(manifest.config, bytesSource(configBytes));
  const options = { tag: true, signal };
  const reference = await destination.putManifest(manifest.raw, manifest.mediaType, options);
  const layers = reportLayers({ image, builder }, outcomes);
  return {
    value: { reference, layers, transfer: countTransfer(layers) },
    detail: describe(layers),
  };
}

function progressOf(descriptor: Descriptor, current: number, time: number): ProgressEvent {
  const { digest, size } = descriptor;
  const label = digest.slice(7, 19);
  return {
    ...{ type: 'progress', phase: 'publish', id: digest, label, current },
    ...{ total: size, unit: 'bytes', time },
  };
}

function reportLayers(
  { image, builder }: Pick<PublishInput, 'image' | 'builder'>,
  outcomes: readonly PutOutcome[],
): readonly LayerReport[] {
  return image.manifest.layers.map((layer, i) => ({
    digest: layer.digest,
    size: layer.size,
    origin: i < builder.manifest.layers.length ? ('builder' as const) : ('build' as const),
    outcome: outcomes[i] ?? 'present',
  }));
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
