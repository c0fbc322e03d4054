/** Phase `compose`: makes the application image's config and manifest. */

import { type ComposedImage, composeImage } from '../../image/index.ts';
import {
  applicationConfigChanges,
  generatedLabels,
  type LabelInput,
  type Labels,
  labelsFrom,
  manifestAnnotations,
  mergeLabels,
} from '../../s2i/index.ts';
import type { ApplicationLayer } from '../application-layer.ts';
import type { BuildSource } from '../inputs.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { BuildRequest } from '../request.ts';
import type { ResolvedImage } from './resolve.ts';

/** What the build found out. */
export interface ComposeInput {
  readonly builder: ResolvedImage;
  /** What the result stands on: the runtime image, else the builder image. */
  readonly base: ResolvedImage;
  readonly source: BuildSource;
  readonly made: ApplicationLayer;
}

/** The image, and the labels that it got. */
export interface ComposedApplication {
  readonly image: ComposedImage;
  readonly labels: Labels;
}

/** Composes the image; pure but for its name. */
export function compose(
  request: BuildRequest,
  input: ComposeInput,
): PhaseOutcome<ComposedApplication> {
  const { base, builder, made } = input;
  const { environment, epoch, tree } = input.source;
  const { execution } = base.config;
  const described: LabelInput = {
    builder: builder.source.name,
    displayName: request.displayName ?? request.tag,
    ...(request.description === undefined ? {} : { description: request.description }),
    source: tree.info,
  };
  const labels = mergeLabels(
    execution.labels,
    generatedLabels(described),
    labelsFrom(Object.entries(request.labels)),
    made.assembleLabels,
  );
  const created = new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');
  const image = composeImage(base, {
    ...(made.layer === undefined ? {} : { layer: made.layer }),
    history: { created_by: `s2oci build: assemble of ${builder.source.name}`, comment: 's2oci' },
    execution: applicationConfigChanges({
      builder: execution,
      runPath: made.runPath,
      environment,
      labels,
    }),
    created,
    annotations: manifestAnnotations({
      ...described,
      builder: base.source.name,
      created,
      builderDigest: base.descriptor.digest,
    }),
  });
  return { value: { image, labels }, detail: `${image.manifest.layers.length} layers` };
}
