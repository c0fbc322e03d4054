/** `builder check`: whether an image keeps the S2I contract, one finding for each thing that was looked at. */

import { type CheckedImage, type CheckFinding, fail } from './facts.ts';
import { checkImage } from './image.ts';
import { checkDirectories, checkUser } from './place.ts';
import { checkScripts } from './scripts.ts';

export type { CheckedImage, CheckFinding, ImageFile, LookAt } from './facts.ts';

/**
 * Checks a builder image without running anything of it.
 *
 * @param refused why its labels cannot be understood, when they cannot
 */
export async function checkBuilder(
  image: CheckedImage,
  refused?: string,
): Promise<readonly CheckFinding[]> {
  return [
    ...(refused === undefined
      ? []
      : [fail('labels', refused, 'see the labels that `s2oci create` writes')]),
    ...(await checkScripts(image)),
    ...checkUser(image),
    ...(await checkDirectories(image)),
    ...(await checkImage(image)),
  ];
}
