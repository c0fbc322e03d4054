/** Colours, by Node's own table of styles; the decision to use them was made before. */

import { styleText } from 'node:util';

/** The styles that renderers use. */
export type Style = 'red' | 'yellow' | 'green' | 'cyan' | 'bold' | 'dim';

/** Puts text that is already safe into a style. */
export type Paint = (style: Style, text: string) => string;

/** Returns what paints text, or what leaves it as it is. */
export function painter(color: boolean): Paint {
  if (!color) return (_, text) => text;
  return (style, text) => styleText(style, text, { validateStream: false });
}
