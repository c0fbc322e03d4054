/**
 * Applies the entries of layers, one layer after the other, to the tree and the disk (OCI image-spec,
 * layer.md "Applying Changesets").
 *
 * Names are taken as rooted in the root file system. A whiteout touches only what lower layers made,
 * wherever in its layer it stands. The last of several entries with one name wins.
 */

import { closeSync, ftruncateSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { BuildError } from '../../errors/index.ts';
import { type ByteString, crc32OfZeros, displayBytes, isZeros } from '../../model/index.ts';
import { rootedPath, type TarEntry, type TarHandler } from '../../tar/index.ts';
import { parseWhiteout } from '../whiteout.ts';
import { isStorageXattr } from '../xattr-names.ts';
import { explainFailure } from './disk.ts';
import { Inode } from './inodes.ts';
import { detached, lookUp, resolveDirectory } from './resolve.ts';
import { Directory, impliedDirectory, Name } from './tree.ts';

/** Zeros in a row that are not written: a file of zeros takes no room, be it made to fill a disk or not. */
const smallestHole = 2 ** 16;

/** What the tree is on: a disk, or nothing when only names matter. */
export interface TreeStorage {
  makeDirectory(directory: Directory): void;
  makeLink(existing: Name, name: Name): void;
  makeSymlink(name: Name): void;
  /** Returns the descriptor that content is written to; undefined when it is not wanted. */
  createFile(name: Name): number | undefined;
  /** Writes after what was written last, or at a position. */
  write(fd: number, bytes: Uint8Array, position: number | undefined): void;
  finishFile(fd: number, inode: Inode): void;
  remove(name: Name): void;
}

/** The file whose content is being received. */
interface OpenFile {
  readonly fd: number;
  readonly inode: Inode;
  position: number;
  sparse: boolean;
  checksum: number;
}

/** Receives the archives of the layers. */
export class Applier implements TarHandler {
  readonly root: Directory;
  readonly #disk: TreeStorage;
  readonly #warn: (message: string) => void;
  #layer = 0;
  #file: OpenFile | undefined;
  #lastPath: ByteString | undefined;
  #lastDirectory: Directory | undefined;
  /** Bytes of file content written so far. */
  bytes = 0;

  constructor(root: Directory, disk: TreeStorage, warn: (message: string) => void) {
    this.root = root;
    this.#disk = disk;
    this.#warn = warn;
  }

  beginLayer(): void {
    this.#layer += 1;
  }

  endLayer(): void {
    this.#finishFile();
  }

  entry(entry: TarEntry): void {
    this.#finishFile();
    const path = rootedPath(entry.path);
    // The root of the root file system is ours, whatever a layer says about it.
    if (path === '') return;
    const meaning = parseWhiteout(path);
    if (meaning.kind === 'entry') this.#place(path, entry);
    else if (meaning.kind === 'ignored')
      this.#warn(`layer has an entry without meaning, left out: "${displayBytes(path)}"`);
    else this.#whiteOut(path, meaning.kind === 'whiteout' ? meaning.of : undefined);
  }

  data(chunk: Uint8Array): void {
    const file = this.#file;
    if (file === undefined) return;
    if (chunk.length >= smallestHole && isZeros(chunk)) {
      this.hole(chunk.length);
      return;
    }
    this.#disk.write(file.fd, chunk, file.sparse ? file.position : undefined);
    file.checksum = crc32(chunk, file.checksum);
    file.position += chunk.length;
    this.bytes += chunk.length;
  }

  hole(length: number): void {
    const file = this.#file;
    if (file === undefined) return;
    file.checksum = crc32OfZeros(length, file.checksum);
    file.sparse = true;
    file.position += length;
  }

  /** Closes what a failed layer left open. */
  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file.fd);
    this.#file = undefined;
  }

  #place(path: ByteString, entry: TarEntry): void {
    const slash = path.lastIndexOf('/');
    const parent = this.#parent(path.slice(0, Math.max(slash, 0)) as ByteString);
    const base = path.slice(slash + 1) as ByteString;
    if (entry.type === 'directory') this.#placeDirectory(parent, base, entry);
    else if (entry.type === 'hardlink') this.#placeLink(parent, base, entry);
    else this.#placeOther(parent, base, entry);
  }

  #placeDirectory(parent: Directory, base: ByteString, entry: TarEntry): void {
    const existing = parent.children.get(base);
    const directory =
      existing instanceof Directory ? existing : this.#makeDirectory(parent, base, existing);
    directory.inode.assume(withoutForbidden(entry));
    directory.layer = this.#layer;
  }

  #makeDirectory(parent: Directory, base: ByteString, existing?: Name): Directory {
    if (existing !== undefined) this.#remove(existing);
    const inode = Inode.add(parent.inodes, impliedDirectory);
    const directory = new Directory(detached(base), parent, inode, this.#layer);
    this.#onDisk(directory, () => this.#disk.makeDirectory(directory));
    parent.put(directory);
    return directory;
  }

  /** The other name decides what the file is; the attributes in a link's header are ignored. */
  #placeLink(parent: Directory, base: ByteString, entry: TarEntry): void {
    const target = lookUp(this.root, rootedPath(entry.linkName));
    const existing = parent.children.get(base);
    if (target === undefined || target instanceof Directory || isWithin(target, existing))
      throw new BuildError(
        'LAYER_INVALID',
        `layer has a hard link "${displayBytes(entry.path)}" to "${displayBytes(entry.linkName)}", which is no file`,
      );
    if (existing?.inode.id === target.inode.id) {
      existing.layer = this.#layer;
      return;
    }
    if (existing !== undefined) this.#remove(existing);
    const name = new Name(detached(base), parent, target.inode, this.#layer);
    if (!target.inode.absent) this.#onDisk(name, () => this.#disk.makeLink(target, name));
    target.inode.links += 1;
    parent.put(name);
  }

  #placeOther(parent: Directory, base: ByteString, entry: TarEntry): void {
    const existing = parent.children.get(base);
    if (existing !== undefined) this.#remove(existing);
    const inode = Inode.add(parent.inodes, withoutForbidden(entry));
    const name = new Name(detached(base), parent, inode, this.#layer);
    this.#onDisk(name, () => {
      if (inode.type === 'file') this.#openFile(name);
      else if (inode.type === 'symlink') this.#disk.makeSymlink(name);
      // Devices stay in the index; FIFOs are made at the end. Character device 0:0 would be a whiteout.
      else inode.absent = true;
    });
    parent.put(name);
  }

  #openFile(name: Name): void {
    const fd = this.#disk.createFile(name);
    if (fd !== undefined)
      this.#file = { fd, inode: name.inode, position: 0, sparse: false, checksum: 0 };
  }

  #whiteOut(path: ByteString, of: ByteString | undefined): void {
    const slash = path.lastIndexOf('/');
    const directory = resolveDirectory(this.root, path.slice(0, Math.max(slash, 0)) as ByteString);
    if (directory === undefined) return;
    const child = of === undefined ? undefined : directory.children.get(of);
    if (child !== undefined) this.#purge(child);
    if (of === undefined) this.#purgeBelow(directory);
  }

  /** Takes away what lower layers made. What this layer made stays, in directories it then implies. */
  #purge(name: Name): void {
    if (name instanceof Directory) {
      this.#purgeBelow(name);
      if (name.layer < this.#layer && name.children.size > 0) {
        name.inode.assume(impliedDirectory);
        name.layer = this.#layer;
      }
    }
    if (name.layer < this.#layer) this.#remove(name);
  }

  /** Once is enough: nothing of a lower layer can come back while this layer is applied. */
  #purgeBelow(directory: Directory): void {
    if (directory.purgedBy === this.#layer) return;
    directory.purgedBy = this.#layer;
    // A map may lose entries while it is gone through.
    for (const child of directory.children.values()) this.#purge(child);
  }

  #remove(name: Name): void {
    this.#lastDirectory = undefined;
    this.#disk.remove(name);
    name.parent?.drop(name);
    forEachInode(name, (inode) => {
      inode.links -= 1;
    });
  }

  #parent(path: ByteString): Directory {
    if (this.#lastDirectory !== undefined && this.#lastPath === path) return this.#lastDirectory;
    // A file of a lower layer gives way to what this layer has below its name.
    const make = (parent: Directory, name: ByteString, inTheWay?: Name) =>
      inTheWay === undefined || inTheWay.layer < this.#layer
        ? this.#makeDirectory(parent, name, inTheWay)
        : undefined;
    const directory = resolveDirectory(this.root, path, make) as Directory;
    this.#lastPath = path;
    this.#lastDirectory = directory;
    return directory;
  }

  #onDisk(name: Name, action: () => void): void {
    try {
      action();
    } catch (thrown) {
      throw explainFailure(thrown, name);
    }
  }

  #finishFile(): void {
    const file = this.#file;
    if (file === undefined) return;
    if (file.sparse) ftruncateSync(file.fd, file.position);
    this.#file = undefined;
    file.inode.checksum = file.checksum;
    this.#disk.finishFile(file.fd, file.inode);
  }
}

/** Tells whether a name lies in a directory, which making way for another entry would remove. */
function isWithin(name: Name, directory: Name | undefined): boolean {
  if (!(directory instanceof Directory)) return false;
  for (let at = name.parent; at !== undefined; at = at.parent) if (at === directory) return true;
  return false;
}

function forEachInode(name: Name, action: (inode: Inode) => void): void {
  if (name instanceof Directory)
    for (const child of name.children.values()) forEachInode(child, action);
  action(name.inode);
}

/** Attributes with which an image could talk to the overlay file system are never taken over. */
function withoutForbidden(entry: TarEntry): TarEntry {
  if (entry.xattrs.size === 0) return entry;
  const xattrs = new Map([...entry.xattrs].filter(([name]) => !isStorageXattr(name)));
  return { ...entry, xattrs };
}
