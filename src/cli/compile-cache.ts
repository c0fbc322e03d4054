/**
 * Where Node keeps compiled code between runs: it makes start-up about four times shorter. A cache in the
 * usual sense: it may be deleted at any time.
 */

import { isAbsolute, join } from 'node:path';

/** The directory, by the XDG rules; undefined where the user has no place for caches. */
export function compileCacheDirectory(
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { NODE_COMPILE_CACHE: chosen, XDG_CACHE_HOME: cache, HOME: home } = env;
  if (chosen !== undefined && chosen !== '') return chosen;
  if (cache !== undefined && isAbsolute(cache)) return join(cache, 's2oci', 'compiled');
  return home !== undefined && isAbsolute(home)
    ? join(home, '.cache', 's2oci', 'compiled')
    : undefined;
}
