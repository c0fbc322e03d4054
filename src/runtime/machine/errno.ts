/**
 * Recognises the errno behind a message of a system tool.
 *
 * Tools are always run in the C locale, so the C library's texts are known.
 */

const texts: readonly (readonly [errno: string, text: string])[] = [
  ['EPERM', 'operation not permitted'],
  ['EACCES', 'permission denied'],
  ['ENOSPC', 'no space left on device'],
  ['ENOSYS', 'function not implemented'],
  ['EINVAL', 'invalid argument'],
  ['ENOENT', 'no such file or directory'],
  ['EUSERS', 'too many users'],
  ['EAGAIN', 'resource temporarily unavailable'],
  ['EBUSY', 'device or resource busy'],
  ['ENODEV', 'no such device'],
];

/** Returns the name of the first known errno whose text a message holds. */
export function errnoIn(message: string): string | undefined {
  const lower = message.toLowerCase();
  return texts.find(([, text]) => lower.includes(text))?.[0];
}
