/** One hostile builder image and what has to come of it. */

import type { Hostility } from './hostile-image.ts';
import type { Expectation } from './oracle.ts';

/** Exit codes by what they mean. */
export const exits = { built: 0, refused: 3, notFound: 7, contract: 8 } as const;

/** A case of a row of the reference. */
export interface HostileCase extends Expectation {
  /** Id of the row in the reference. */
  readonly row: string;
  /** Advisory or behaviour. */
  readonly title: string;
  /** Makes the image; given the directory of the host that must stay as it is. */
  readonly image: (sentinel: string) => Hostility;
}

/** An image that is refused as untrusted input. */
export function refused(
  row: string,
  title: string,
  image: HostileCase['image'],
  says?: RegExp,
): HostileCase {
  return { row, title, image, exitCode: exits.refused, ...(says === undefined ? {} : { says }) };
}

/** An image that only looks dangerous, or whose danger ends inside its root file system. */
export function built(
  row: string,
  title: string,
  image: HostileCase['image'],
  says?: RegExp,
): HostileCase {
  return { row, title, image, exitCode: exits.built, ...(says === undefined ? {} : { says }) };
}
