/**
 * Fills the tree and the disk from a stored root file system by hard links: no content is copied, and none
 * is ever written through a shared file.
 */

import { linkSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteStringOf } from '../../model/index.ts';
import { DirectoryPaths } from '../directory-paths.ts';
import type { RootfsEntry } from '../rootfs-entry.ts';
import { readIndex } from '../rootfs-index.ts';
import type { Disk } from './disk.ts';
import { detached, lookUp } from './resolve.ts';
import { Directory, Inode, Name } from './tree.ts';

/** Clones the stored root file system in the directory `base` (`fs/`, `index.jsonl`) into an empty root. */
export function cloneRootfs(base: string, root: Directory, disk: Disk): void {
  using paths = new DirectoryPaths(byteStringOf(join(base, 'fs')));
  for (const entry of readIndex(join(base, 'index.jsonl'))) {
    const name = addName(root, entry);
    if (name instanceof Directory) disk.makeDirectory(name);
    else if (!name.inode.absent)
      linkSync(paths.path(name.parent as Directory, name.name), disk.path(name));
  }
}

/** Adds an entry of an index to a tree; its directory has been added before. */
export function addName(root: Directory, entry: RootfsEntry): Name {
  const slash = entry.path.lastIndexOf('/');
  const parent = lookUp(root, entry.path.slice(0, Math.max(slash, 0)) as ByteString);
  const directory = slash === -1 ? root : (parent as Directory);
  const base = detached(entry.path.slice(slash + 1) as ByteString);
  const inode = inodeOf(root, entry);
  const name =
    entry.type === 'directory'
      ? new Directory(base, directory, inode, 0)
      : new Name(base, directory, inode, 0);
  directory.children.set(base, name);
  return name;
}

function inodeOf(root: Directory, entry: RootfsEntry): Inode {
  const existing = entry.type === 'hardlink' ? lookUp(root, entry.linkName)?.inode : undefined;
  if (existing !== undefined) {
    existing.links += 1;
    return existing;
  }
  const inode = new Inode(entry);
  inode.absent = entry.absent ?? false;
  inode.foreignOwner = entry.foreignOwner ?? false;
  inode.lostXattrs = entry.lostXattrs ?? [];
  // Directories are made anew, and so are their attributes.
  inode.shared = entry.type !== 'directory';
  return inode;
}
