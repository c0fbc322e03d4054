/** The tree of a stored root file system, from its index. */

import type { ByteString } from '../../model/index.ts';
import { damagedIndex, type RootfsEntry } from '../rootfs-entry.ts';
import { readIndex } from '../rootfs-index.ts';
import { Inode } from './inodes.ts';
import { detached, lookUp } from './resolve.ts';
import { Directory, Name, newRoot } from './tree.ts';

/**
 * Reads a whole index for lookups.
 *
 * @throws BuildError `STORE_DAMAGED`
 */
export function loadTree(index: string): Directory {
  const root = newRoot();
  for (const entry of readIndex(index)) addName(root, entry);
  return root;
}

/** Adds an entry of an index to a tree; its directory has been added before. */
export function addName(root: Directory, entry: RootfsEntry): Name {
  const slash = entry.path.lastIndexOf('/');
  const parent = lookUp(root, entry.path.slice(0, Math.max(slash, 0)) as ByteString);
  const directory = slash === -1 ? root : parent;
  if (!(directory instanceof Directory)) throw damagedIndex(undefined);
  const base = detached(entry.path.slice(slash + 1) as ByteString);
  const inode = inodeOf(root, entry);
  const name =
    entry.type === 'directory'
      ? new Directory(base, directory, inode, 0)
      : new Name(base, directory, inode, 0);
  directory.put(name);
  return name;
}

function inodeOf(root: Directory, entry: RootfsEntry): Inode {
  const existing = entry.type === 'hardlink' ? lookUp(root, entry.linkName)?.inode : undefined;
  if (existing !== undefined) {
    existing.links += 1;
    return existing;
  }
  const inode = Inode.add(root.inodes, entry);
  inode.absent = entry.absent ?? false;
  inode.foreignOwner = entry.foreignOwner ?? false;
  inode.lostXattrs = entry.lostXattrs ?? [];
  inode.checksum = entry.checksum ?? 0;
  // Directories are made anew, and so are their attributes.
  inode.shared = entry.type !== 'directory';
  return inode;
}
