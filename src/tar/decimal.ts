/** Decimal numbers and times as pax records spell them (POSIX.1-2017 pax, "pax Extended Header Keyword/Value Pairs"). */

import { invalid } from './fault.ts';
import { exactNumber } from './fields.ts';

const integer = /^-?[0-9]{1,64}$/;
const digits = /^[0-9]*$/;
const nanosecondsPerSecond = 1_000_000_000n;

/** Parses an integer of 64 bits. No plus sign, blanks, exponents or other bases. */
export function parseBigDecimal(text: string): bigint {
  if (!integer.test(text)) throw invalid('decimal number is malformed');
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) !== value) throw invalid('decimal number overflows 64 bits');
  return value;
}

/** Parses an integer that a JavaScript number holds exactly. */
export function parseDecimal(text: string): number {
  return exactNumber(parseBigDecimal(text));
}

/** Parses seconds with a fraction into nanoseconds; digits beyond the ninth are dropped. */
export function parsePaxTime(text: string): bigint {
  const dot = text.indexOf('.');
  const whole = dot < 0 ? text : text.slice(0, dot);
  const fraction = dot < 0 ? '' : text.slice(dot + 1);
  if (!digits.test(fraction)) throw invalid('time is malformed');
  const seconds = parseBigDecimal(whole) * nanosecondsPerSecond;
  const nanoseconds = BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return whole.startsWith('-') ? seconds - nanoseconds : seconds + nanoseconds;
}

/** Formats nanoseconds as seconds in the shortest exact form. */
export function formatPaxTime(time: bigint): string {
  const size = time < 0n ? -time : time;
  const fraction = String(size % nanosecondsPerSecond)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const text = `${size / nanosecondsPerSecond}${fraction === '' ? '' : `.${fraction}`}`;
  return time < 0n ? `-${text}` : text;
}
