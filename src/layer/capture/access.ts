/**
 * Reading what its own mode forbids to read. The root of a user namespace may anyway; an ordinary owner
 * opens the mode for as long as it takes.
 */

import * as fs from 'node:fs';

/**
 * Runs an action on a path; when permission is denied, once more with the owner's bits added to the mode.
 * Returns its result and what takes the bits away again.
 */
export function withAccess<T>(
  path: string | Buffer,
  mode: number,
  action: () => T,
): { readonly value: T; restore(): void } {
  try {
    return { value: action(), restore: () => {} };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    fs.chmodSync(path, mode | 0o700);
    return { value: action(), restore: () => fs.chmodSync(path, mode) };
  }
}
