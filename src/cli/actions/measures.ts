/** Sizes and times as people type them. */

import { BuildError } from '../../errors/index.ts';

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};
const timeUnits: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/**
 * Reads a number of bytes such as `500M`, `10GiB` or `512m`.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function sizeOption(text: string | undefined): number | undefined {
  const pattern = /^(\d{1,12})([KMGT]?)(?:i?B)?$/i;
  return measured(text, pattern, sizeUnits, 'a size such as 500M or 10G');
}

/**
 * Reads a time such as `90m`, in milliseconds.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function durationOption(text: string | undefined): number | undefined {
  return measured(text, /^(\d{1,9})([smhd])$/, timeUnits, 'a time such as 90m, 12h or 7d');
}

function measured(
  text: string | undefined,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
  what: string,
): number | undefined {
  if (text === undefined) return undefined;
  const match = pattern.exec(text);
  const name = match?.[2] ?? '';
  const unit = units[name] ?? units[name.toUpperCase()];
  if (match !== null && unit !== undefined) return Number(match[1]) * unit;
  throw new BuildError('USAGE_INVALID', `not ${what}: ${JSON.stringify(text)}`);
}
