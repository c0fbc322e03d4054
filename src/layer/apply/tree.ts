/**
 * The root file system being built, as a tree in memory: the truth about what is on disk.
 *
 * Names and inodes are apart, as in a real file system, so hard links need no special care. Since nobody
 * else writes to the target, no path has to be looked up on disk, and no symlink is ever followed there.
 */

import type { ByteString } from '../../model/index.ts';
import type { TarEntry, TarEntryType } from '../../tar/index.ts';
import type { RootfsEntry } from '../rootfs-entry.ts';

/** What an entry is, whatever its names. */
export class Inode {
  readonly type: TarEntryType;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: bigint;
  xattrs: ReadonlyMap<ByteString, Uint8Array>;
  readonly linkName: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** How many names it has. */
  links = 1;
  /** The file on disk is also a file of the stored root file system this one was cloned from. */
  shared = false;
  absent = false;
  foreignOwner = false;
  lostXattrs: readonly ByteString[] = [];

  constructor(entry: Omit<TarEntry, 'path'>) {
    this.type = entry.type;
    this.mode = entry.mode;
    this.uid = entry.uid;
    this.gid = entry.gid;
    this.size = entry.size;
    this.mtime = entry.mtime;
    this.xattrs = entry.xattrs;
    this.linkName = entry.linkName;
    this.deviceMajor = entry.deviceMajor;
    this.deviceMinor = entry.deviceMinor;
  }

  /** Takes over the attributes of another entry for the same directory. */
  assume(entry: Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'xattrs'>): void {
    this.mode = entry.mode;
    this.uid = entry.uid;
    this.gid = entry.gid;
    this.mtime = entry.mtime;
    this.xattrs = entry.xattrs;
    this.foreignOwner = false;
    this.lostXattrs = [];
  }
}

/** A name in a directory. */
export class Name {
  readonly name: ByteString;
  readonly parent: Directory | undefined;
  readonly inode: Inode;
  /** Number of the layer that gave it this name, or these attributes; the base counts as 0. */
  layer: number;

  constructor(name: ByteString, parent: Directory | undefined, inode: Inode, layer: number) {
    this.name = name;
    this.parent = parent;
    this.inode = inode;
    this.layer = layer;
  }
}

/** A directory. Its inode has no other name. */
export class Directory extends Name {
  readonly children = new Map<ByteString, Name>();
  /** The last layer whose whiteouts have already taken away everything older below. */
  purgedBy = 0;

  /** Its content in canonical order. */
  sorted(): Name[] {
    return [...this.children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** Attributes of a directory that no layer describes but that something lies in. */
export const impliedDirectory: Omit<TarEntry, 'path'> = {
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
