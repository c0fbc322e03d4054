/**
 * The forms in which the value of a secret would show: as it is, in base64 at any offset, percent-encoded, and
 * escaped as in JSON. Short values are left out, because they would be found everywhere by chance.
 */

/** A value with the name that people know it by. */
export interface SecretValue {
  readonly id: string;
  readonly value: Uint8Array;
}

/** One byte string to look for. */
export interface SecretPattern {
  readonly id: string;
  readonly bytes: Buffer;
}

/** Values of fewer bytes are neither looked for nor blotted out. */
export const shortestSecret = 8;

/** Lists what to look for, the longest first; white space around a value does not count. */
export function secretPatterns(secrets: Iterable<SecretValue>): readonly SecretPattern[] {
  const patterns = new Map<string, SecretPattern>();
  for (const { id, value } of secrets) {
    for (const bytes of formsOf(trimmed(Buffer.from(value)))) {
      patterns.set(bytes.toString('latin1'), { id, bytes });
    }
  }
  return [...patterns.values()].toSorted((one, other) => other.bytes.length - one.bytes.length);
}

function formsOf(value: Buffer): readonly Buffer[] {
  if (value.length < shortestSecret) return [];
  const text = value.toString('utf8');
  const isText = Buffer.from(text).equals(value);
  const spelled = isText ? [encodeURIComponent(text), JSON.stringify(text).slice(1, -1)] : [];
  const encoded = [0, 1, 2].map((offset) => base64At(value, offset));
  const urlSafe = encoded.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'));
  return [value, ...[...spelled, ...encoded, ...urlSafe].map((form) => Buffer.from(form))];
}

/** The characters of base64 that these bytes alone decide when they begin at an offset of a group of three. */
function base64At(value: Buffer, offset: number): string {
  const whole = Buffer.concat([Buffer.alloc(offset), value]).toString('base64');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + value.length) * 8) / 6);
  return whole.slice(first, last);
}

function trimmed(value: Buffer): Buffer {
  const isSpace = (byte: number | undefined) =>
    byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13);
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value[start])) start += 1;
  while (end > start && isSpace(value[end - 1])) end -= 1;
  return value.subarray(start, end);
}
