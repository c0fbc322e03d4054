/** Finds out what a step changed in a directory tree, by listing it with `find` before and after. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A tree as it was: what `find` says of each entry, by path relative to the root. */
export type Listing = ReadonlyMap<string, string>;

/** What happened between two listings. */
export interface Changes {
  /** New or changed entries, parents before children. */
  readonly changed: readonly string[];
  /** Topmost entries that are gone. */
  readonly removed: readonly string[];
}

/** Lists a tree: type, mode, owner, size, link target, modification and change time of every entry. */
export async function listTree(root: string): Promise<Listing> {
  const format = '%P\\t%y %m %U %G %s %T@ %C@ %l\\0';
  const options = { encoding: 'latin1', maxBuffer: 1024 ** 3 } as const;
  const { stdout } = await execute('find', [root, '-mindepth', '1', '-printf', format], options);
  const lines = stdout.split('\0').filter((line) => line !== '');
  return new Map(lines.map((line) => line.split('\t', 2) as [string, string]));
}

/** Compares two listings of the same tree. A directory whose content alone changed is no change. */
export function compareListings(before: Listing, after: Listing): Changes {
  const changed = [...after].filter(([path, facts]) => !isSame(before.get(path), facts));
  const removed = [...before.keys()].filter((path) => !after.has(path));
  const gone = new Set(removed);
  return {
    changed: changed.map(([path]) => path).toSorted(),
    removed: removed.filter((path) => !gone.has(parentOf(path))).toSorted(),
  };
}

function isSame(before: string | undefined, after: string): boolean {
  if (before === undefined || !after.startsWith('d ')) return before === after;
  return before.split(' ', 4).join(' ') === after.split(' ', 4).join(' ');
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
