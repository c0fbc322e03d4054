/**
 * Mount points that have to exist for a run and must not stay afterwards.
 *
 * A runtime would make missing targets itself and leave them in the image; making them here first,
 * inside the root file system whatever symlinks it holds, lets us take exactly those away again.
 */

import { closeSync, lstatSync, openSync, rmdirSync, unlinkSync } from 'node:fs';
import { resolveInRoot } from '../layer/index.ts';

/** A place something will be mounted on. */
export interface MountPoint {
  /** Absolute path in the container. */
  readonly target: string;
  readonly kind: 'file' | 'directory';
}

/** What every runtime mounts, beside what a run asks for. */
const always: readonly MountPoint[] = ['/proc', '/sys', '/dev'].map((target) => ({
  target,
  kind: 'directory',
}));

/** How removing fails when something else is there by now, or nothing. */
const usedCodes: ReadonlySet<string | undefined> = new Set([
  'ENOTEMPTY',
  'EEXIST',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
]);

/**
 * Makes the missing ones of all mount points. Disposing removes those that were made and are still as
 * they were made: empty; one that cannot be removed is thrown.
 */
export function prepareMountPoints(root: string, points: readonly MountPoint[]): Disposable {
  const made: { path: string; kind: MountPoint['kind'] }[] = [];
  for (const { target, kind } of [...always, ...points]) {
    const directory =
      kind === 'directory' ? target : target.slice(0, target.lastIndexOf('/')) || '/';
    const resolved = resolveInRoot(root, directory, { makeDirectories: true });
    made.push(...resolved.created.map((path) => ({ path, kind: 'directory' as const })));
    if (kind === 'directory') continue;
    const file = resolveInRoot(root, target, { makeDirectories: false });
    if (makeFile(file.path)) made.push({ path: file.path, kind: 'file' });
  }
  return { [Symbol.dispose]: () => made.reverse().forEach(removeUntouched) };
}

function makeFile(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o644));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** What the script used meanwhile is part of the image; what cannot be removed for another reason must not become it. */
function removeUntouched({ path, kind }: { path: string; kind: MountPoint['kind'] }): void {
  try {
    if (kind === 'directory') rmdirSync(path);
    else if (lstatSync(path).size === 0) unlinkSync(path);
  } catch (error) {
    if (!usedCodes.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}
