/**
 * Fills the tree and the disk from a stored root file system by hard links: no content is copied, and none
 * is ever written through a shared file.
 */

import { join } from 'node:path';
import { byteStringOf } from '../../model/index.ts';
import { DirectoryPaths } from '../directory-paths.ts';
import { readIndex } from '../rootfs-index.ts';
import type { Disk } from './disk.ts';
import { addName } from './load.ts';
import { Directory } from './tree.ts';

/** Clones the stored root file system in the directory `base` (`fs/`, `index.jsonl`) into an empty root. */
export function cloneRootfs(base: string, root: Directory, disk: Disk): void {
  using paths = new DirectoryPaths(byteStringOf(join(base, 'fs')));
  for (const entry of readIndex(join(base, 'index.jsonl'))) {
    const name = addName(root, entry);
    if (name instanceof Directory) disk.makeDirectory(name);
    else if (!name.inode.absent)
      disk.linkFrom(paths.path(name.parent as Directory, name.name), name);
  }
}
