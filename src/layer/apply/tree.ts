/**
 * The root file system being built, as a tree in memory: the truth about what is on disk.
 *
 * Names and inodes are apart, as in a real file system, so hard links need no special care. Since nobody
 * else writes to the target, no path has to be looked up on disk, and no symlink is ever followed there.
 *
 * An image may have millions of names. What a directory keeps of one that is no directory is a number; an object
 * stands for it only while somebody looks at it.
 */

import type { ByteString } from '../../model/index.ts';
import type { RootfsEntry } from '../rootfs-entry.ts';
import { Inode, type InodeFacts, InodeTable, maxInodes } from './inodes.ts';

/** A name in a directory. */
export class Name {
  readonly name: ByteString;
  readonly parent: Directory | undefined;
  /** The table of the whole tree. */
  readonly inodes: InodeTable;
  readonly #inode: number;
  #layer: number;

  constructor(name: ByteString, parent: Directory | undefined, inode: Inode, layer: number) {
    this.name = name;
    this.parent = parent;
    this.inodes = inode.table;
    this.#inode = inode.id;
    this.#layer = layer;
  }

  /** Number of the layer that gave it this name, or these attributes; the base counts as 0. */
  get layer(): number {
    return this.#layer;
  }

  set layer(number: number) {
    this.#layer = number;
    if (this.parent?.children.get(this.name)?.inode.id === this.#inode) this.parent.put(this);
  }

  get inode(): Inode {
    return Inode.at(this.inodes, this.#inode);
  }
}

/** A directory. Its inode has no other name. */
export class Directory extends Name {
  #children: Map<ByteString, Kept> | undefined;
  /** The last layer whose whiteouts have already taken away everything older below. */
  purgedBy = 0;

  get children(): Children {
    return this.#children === undefined ? noChildren : new ChildrenOf(this, this.#children);
  }

  /** Puts a name into this directory, which is its parent. */
  put(name: Name): void {
    this.#children ??= new Map();
    const kept = name instanceof Directory ? name : name.inode.id + name.layer * maxInodes;
    this.#children.set(name.name, kept);
  }

  /** Takes a name out of this directory. */
  drop(name: Name): void {
    this.#children?.delete(name.name);
    if (this.#children?.size === 0) this.#children = undefined;
  }

  /** Its content in canonical order. */
  *sorted(): Generator<Name> {
    const { children } = this;
    for (const base of [...children.keys()].sort((a, b) => (a < b ? -1 : 1))) {
      const name = children.get(base);
      if (name !== undefined) yield name;
    }
  }
}

/** The names in a directory. */
export interface Children extends Iterable<readonly [ByteString, Name]> {
  readonly size: number;
  get(name: ByteString): Name | undefined;
  has(name: ByteString): boolean;
  keys(): Iterable<ByteString>;
  values(): Iterable<Name>;
}

const noChildren: Children = new Map<ByteString, Name>();

/** A directory, or the inode and the layer of another name. */
type Kept = Directory | number;

/** Makes objects of what a directory keeps. */
class ChildrenOf implements Children {
  readonly #directory: Directory;
  readonly #kept: ReadonlyMap<ByteString, Kept>;

  constructor(directory: Directory, kept: ReadonlyMap<ByteString, Kept>) {
    this.#directory = directory;
    this.#kept = kept;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(name: ByteString): Name | undefined {
    const kept = this.#kept.get(name);
    return kept === undefined ? undefined : this.#made(name, kept);
  }

  has(name: ByteString): boolean {
    return this.#kept.has(name);
  }

  keys(): Iterable<ByteString> {
    return this.#kept.keys();
  }

  *values(): Generator<Name> {
    for (const [, name] of this) yield name;
  }

  *[Symbol.iterator](): Generator<readonly [ByteString, Name]> {
    for (const [name, kept] of this.#kept) yield [name, this.#made(name, kept)];
  }

  #made(name: ByteString, kept: Kept): Name {
    if (typeof kept !== 'number') return kept;
    const inode = Inode.at(this.#directory.inodes, kept % maxInodes);
    return new Name(name, this.#directory, inode, Math.floor(kept / maxInodes));
  }
}

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
    checksum: inode.checksum,
  };
}
