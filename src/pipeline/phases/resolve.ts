/** Phase `resolve`: pins the builder image to a digest and reads what it says about itself. */

import { BuildError } from '../../errors/index.ts';
import { type ImageSource, readImage, type StoredImage } from '../../image/index.ts';
import { formatPlatform, type Platform } from '../../model/index.ts';
import type { PhaseOutcome } from '../phase-timer.ts';

/** The builder image, pinned. */
export interface ResolvedImage extends StoredImage {
  readonly source: ImageSource;
}

/**
 * Resolves an image for a platform.
 *
 * @throws BuildError `IMAGE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `MANIFEST_INVALID`, `IMAGE_CONFIG_INVALID` and the
 * errors of the transport
 */
export async function resolveImage(
  source: ImageSource,
  platform: Platform,
  signal: AbortSignal,
): Promise<PhaseOutcome<ResolvedImage>> {
  const image = await readImage(source, platform, signal);
  const actual = image.config.platform;
  if (actual.os !== platform.os || actual.architecture !== platform.architecture) {
    throw new BuildError(
      'PLATFORM_NOT_FOUND',
      `${source.name} is an image for ${formatPlatform(actual)}, not for ${formatPlatform(platform)}`,
      {
        origin: 'builder',
        suggestion: 'name another builder image, or ask for its platform with --platform',
      },
    );
  }
  return { value: { ...image, source }, detail: `${source.name} is ${image.descriptor.digest}` };
}
