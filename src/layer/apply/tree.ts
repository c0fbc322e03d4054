/**
 * The root file system being built, as a tree in memory: the truth about what is on disk.
 *
 * Names and inodes are apart, as in a real file system, so hard links need no special care. Since nobody
 * else writes to the target, no path has to be looked up on disk, and no symlink is ever followed there.
 */

import type { ByteString } from '../../model/index.ts';
import type { RootfsEntry } from '../rootfs-entry.ts';
import { Inode, type InodeFacts, InodeTable } from './inodes.ts';

/** A name in a directory. */
export class Name {
  readonly name: ByteString;
  readonly parent: Directory | undefined;
  /** The table of the whole tree. */
  readonly inodes: InodeTable;
  readonly #inode: number;
  /** Number of the layer that gave it this name, or these attributes; the base counts as 0. */
  layer: number;

  constructor(name: ByteString, parent: Directory | undefined, inode: Inode, layer: number) {
    this.name = name;
    this.parent = parent;
    this.inodes = inode.table;
    this.#inode = inode.id;
    this.layer = layer;
  }

  get inode(): Inode {
    return Inode.at(this.inodes, this.#inode);
  }
}

/** A directory. Its inode has no other name. */
export class Directory extends Name {
  #children: Map<ByteString, Name> | undefined;
  /** The last layer whose whiteouts have already taken away everything older below. */
  purgedBy = 0;

  get children(): ReadonlyMap<ByteString, Name> {
    return this.#children ?? noChildren;
  }

  /** Puts a name into this directory, which is its parent. */
  put(name: Name): void {
    this.#children ??= new Map();
    this.#children.set(name.name, name);
  }

  /** Takes a name out of this directory. */
  drop(name: Name): void {
    this.#children?.delete(name.name);
    if (this.#children?.size === 0) this.#children = undefined;
  }

  /** Its content in canonical order. */
  sorted(): Name[] {
    return [...this.children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

const noChildren: ReadonlyMap<ByteString, Name> = new Map();

/** Returns the root of an empty tree. */
export function newRoot(): Directory {
  const inode = Inode.add(new InodeTable(), impliedDirectory);
  return new Directory('' as ByteString, undefined, inode, 0);
}

/** Attributes of a directory that no layer describes but that something lies in. */
export const impliedDirectory: InodeFacts = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0n,
  linkName: '' as ByteString,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};

/** Returns the path of a name, relative to the root. */
export function pathOf(name: Name): ByteString {
  const parts: string[] = [];
  for (let node: Name = name; node.parent !== undefined; node = node.parent) parts.push(node.name);
  return parts.reverse().join('/') as ByteString;
}

/** Returns the index entry of a name whose inode has not been listed under another name. */
export function entryOf(path: ByteString, inode: Inode): RootfsEntry {
  const { type, mode, uid, gid, size, mtime, xattrs, linkName, deviceMajor, deviceMinor } = inode;
  return {
    ...{ path, type, mode, uid, gid, size, mtime, linkName, deviceMajor, deviceMinor, xattrs },
    absent: inode.absent,
    foreignOwner: inode.foreignOwner,
    lostXattrs: inode.lostXattrs,
  };
}
