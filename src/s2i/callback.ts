/** The message that `--callback-url` receives when a build has ended. */

import type { Labels } from './labels.ts';

/** How a build ended. */
export type CallbackOutcome =
  | {
      readonly success: true;
      readonly labels: Labels;
      readonly image: string;
      readonly digest: string;
    }
  | { readonly success: false };

/** Returns the JSON body: source-to-image's, and for a success the image's reference and digest. */
export function callbackBody(outcome: CallbackOutcome): string {
  if (!outcome.success) return '{"success":false}\n';
  const { labels, image, digest } = outcome;
  return `${JSON.stringify({ success: true, labels, image, digest })}\n`;
}
