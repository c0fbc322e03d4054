/**
 * How many columns text takes on a terminal, well enough for cutting lines to the window: combining
 * characters take none, East Asian wide characters and emoji take two, SGR sequences none.
 */

import { stripVTControlCharacters } from 'node:util';

const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const wide =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]$/u;

/** Counts the terminal columns of a line. */
export function displayWidth(line: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(line)) width += characterWidth(character);
  return width;
}

/** Cuts plain text (no escape sequences) to at most `columns`, with `…` for what is left out. */
export function truncate(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let width = 0;
  let kept = '';
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return columns < 1 ? '' : `${kept}…`;
}

function characterWidth(character: string): number {
  if (character >= ' ' && character <= '~') return 1;
  if (zeroWidth.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}
