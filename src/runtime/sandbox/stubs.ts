/** Takes away what a container engine makes in a root filesystem and leaves there empty. */

import { lstatSync, readdirSync, rmdirSync, type Stats, unlinkSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Notes which of these paths are absent; disposing removes those that exist by then, if they are empty.
 * Paths are given children first.
 */
export function recordStubs(rootfs: string, paths: readonly string[]): Disposable {
  const absent = paths
    .map((path) => join(rootfs, path))
    .filter((path) => statOf(path) === undefined);
  return {
    [Symbol.dispose]: () => {
      for (const path of absent) removeEmpty(path, statOf(path));
    },
  };
}

function removeEmpty(path: string, stats: Stats | undefined): void {
  if (stats?.isDirectory() === true && readdirSync(path).length === 0) rmdirSync(path);
  if (stats?.isFile() === true && stats.size === 0) unlinkSync(path);
  if (stats?.isSymbolicLink() === true) unlinkSync(path);
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
