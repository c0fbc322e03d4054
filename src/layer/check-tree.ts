/** Tells whether the files of a stored root file system are still those that its index lists. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { type ByteString, byteStringOf, displayBytes } from '../model/index.ts';
import { loadTree } from './apply/load.ts';
import { Directory, Name, pathOf } from './apply/tree.ts';
import { readFacts } from './capture/node-facts.ts';
import { DirectoryPaths } from './directory-paths.ts';

/**
 * Compares names, types, sizes and link targets of the stored root file system in a directory (`fs/`, `index.jsonl`).
 * Contents of files are not read: nothing has their digests.
 *
 * @returns the first thing that is not as it was unpacked; undefined when all is, or when it is not ours to look at
 */
export function treeProblem(directory: string): string | undefined {
  using paths = new DirectoryPaths(byteStringOf(join(directory, 'fs')));
  try {
    return problemIn(loadTree(join(directory, 'index.jsonl')), paths);
  } catch (thrown) {
    if (thrown instanceof BuildError) return thrown.message;
    // Stored under another id map.
    if ((thrown as NodeJS.ErrnoException).code === 'EACCES') return undefined;
    throw thrown;
  }
}

function problemIn(directory: Directory, paths: DirectoryPaths): string | undefined {
  const present = new Set(readdirSync(paths.directory(directory), { encoding: 'latin1' }));
  for (const name of directory.children.values()) {
    present.delete(name.name);
    const problem = problemWith(name, directory, paths);
    if (problem !== undefined) return `"${displayBytes(pathOf(name))}" ${problem}`;
    const inside = name instanceof Directory ? problemIn(name, paths) : undefined;
    if (inside !== undefined) return inside;
  }
  const [added] = present as Set<ByteString>;
  if (added === undefined) return undefined;
  const name = new Name(added, directory, directory.inode, 0);
  return `"${displayBytes(pathOf(name))}" was added`;
}

function problemWith(name: Name, parent: Directory, paths: DirectoryPaths): string | undefined {
  const { inode } = name;
  if (inode.absent) return undefined;
  const facts = readFacts(paths.path(parent, name.name));
  if (facts === undefined) return 'is missing';
  const isSame =
    facts.type === inode.type && facts.size === inode.size && facts.linkName === inode.linkName;
  return isSame ? undefined : 'is not as it was unpacked';
}
