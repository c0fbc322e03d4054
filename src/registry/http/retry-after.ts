/** The `Retry-After` header in both of its forms (RFC 9110, 10.2.3). */

/**
 * Returns the milliseconds to wait; undefined when the value is absent, malformed or lies in the past.
 *
 * @param now milliseconds since the epoch, for the date form
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined;
  const wait = Date.parse(text) - now;
  return Number.isFinite(wait) && wait >= 0 ? wait : undefined;
}
