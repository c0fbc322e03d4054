/** Phase `publish`: makes the new image present at its destination, unless it is there. */

import type { BlobSource } from '../../blob/index.ts';
import type { ComposedImage, ImageDestination, ImageSource } from '../../image/index.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import { type LayerOrigin, type PublishedImage, type SendDeps, sendImage } from '../send-image.ts';
import type { ResolvedImage } from './resolve.ts';

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

/** Publishes an image; what came out of the cache may be there already. */
export function publish(
  deps: SendDeps,
  { image, builder, layer, destination }: PublishInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<PublishedImage>> {
  const { manifest } = image;
  const { source } = builder;
  const layers = manifest.layers.map(
    (_, i): LayerOrigin =>
      i < builder.manifest.layers.length
        ? { origin: 'builder', blobs: source, near: source }
        : { origin: 'build', ...layer },
  );
  const mayBeThere = layer.cached.used;
  return sendImage(deps, { image, layers, destination, mayBeThere }, signal);
}
