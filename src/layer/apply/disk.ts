/**
 * The file-system calls of unpacking. Every path is made of real directories known to the tree; files
 * are only ever created, never opened again, so an inode that is shared with another tree cannot change.
 *
 * Directories are private while the work goes on; attributes.ts gives them theirs at the end.
 */

import * as fs from 'node:fs';
import { BuildError } from '../../errors/index.ts';
import { type ByteString, byteStringFrom, byteStringOf, displayBytes } from '../../model/index.ts';
import { DirectoryPaths, fsPath } from '../directory-paths.ts';
import { diskMode, type IdMapping } from '../id-mapping.ts';
import type { Inode } from './inodes.ts';
import { Directory, type Name, pathOf } from './tree.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;
const createFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

/** Makes and removes what the tree says. */
export class Disk {
  readonly mapping: IdMapping;
  readonly #paths: DirectoryPaths;
  readonly #umask: number;

  /** Makes the root directory; it must not exist. */
  constructor(root: ByteString, mapping: IdMapping) {
    this.mapping = mapping;
    this.#paths = new DirectoryPaths(root);
    const path = fsPath(root);
    fs.mkdirSync(path, 0o777);
    // A default ACL of the parent acts like a umask, so this is measured instead of asked.
    this.#umask = 0o777 & ~fs.lstatSync(path).mode;
    if (mapping === 'full') fs.lchownSync(path, 0, 0);
    fs.chmodSync(path, 0o755);
  }

  /** Path of a name for a call on it, valid until the next call of this object. */
  path(name: Name): string | Buffer {
    return name.parent === undefined
      ? this.#paths.directory(name as Directory)
      : this.#paths.path(name.parent, name.name);
  }

  /** Path of a name for another process; undefined when only this one can reach it. */
  outsidePath(name: Name): ByteString | undefined {
    const path = this.path(name);
    const bytes = typeof path === 'string' ? byteStringOf(path) : byteStringFrom(path);
    return bytes.startsWith('/proc/self/fd/') ? undefined : bytes;
  }

  makeDirectory(directory: Directory): void {
    fs.mkdirSync(this.path(directory), 0o700);
  }

  /** Creates a file and returns its descriptor, for {@link finishFile}. */
  createFile(name: Name): number {
    return fs.openSync(this.path(name), createFlags, name.inode.mode & 0o777);
  }

  /** Writes a part of a file's content: what follows the last one, or at a position. */
  write(fd: number, bytes: Uint8Array, position: number | undefined): void {
    for (let at = 0; at < bytes.length; ) {
      const place = position === undefined ? null : position + at;
      at += fs.writeSync(fd, bytes, at, bytes.length - at, place);
    }
  }

  /** Gives a written file its owner, mode and time, and closes it. */
  finishFile(fd: number, inode: Inode): void {
    const { mapping } = this;
    if (mapping === 'full' && this.#wantsOwner(inode))
      this.#changeOwner(inode, (uid, gid) => fs.fchownSync(fd, uid, gid));
    const mode = diskMode(inode.mode, false, mapping);
    if (mode !== (inode.mode & 0o777 & ~this.#umask)) fs.fchmodSync(fd, mode);
    const time = diskTime(inode.mtime);
    fs.futimesSync(fd, time, time);
    fs.closeSync(fd);
  }

  makeSymlink(name: Name): void {
    const path = this.path(name);
    fs.symlinkSync(fsPath(name.inode.linkName), path);
    const { inode } = name;
    if (this.mapping === 'full' && this.#wantsOwner(inode))
      this.#changeOwner(inode, (uid, gid) => fs.lchownSync(path, uid, gid));
    const time = diskTime(inode.mtime);
    fs.lutimesSync(path, time, time);
  }

  /** Gives an existing inode another name. */
  makeLink(existing: Name, name: Name): void {
    this.linkFrom(this.path(existing), name);
  }

  /** Gives a file of another tree a name in this one. */
  linkFrom(existing: string | Buffer, name: Name): void {
    fs.linkSync(existing, this.path(name));
  }

  /** Gives something that is no symlink the owner, mode and time of its inode. */
  setAttributes(name: Name): void {
    const { inode } = name;
    const path = this.path(name);
    if (this.mapping === 'full')
      this.#changeOwner(inode, (uid, gid) => fs.lchownSync(path, uid, gid));
    fs.chmodSync(path, diskMode(inode.mode, inode.type === 'directory', this.mapping));
    const time = diskTime(inode.mtime);
    fs.utimesSync(path, time, time);
  }

  /** Removes a name from the disk; of a directory everything in it, too. */
  remove(name: Name): void {
    if (name instanceof Directory) {
      for (const child of name.children.values()) this.remove(child);
      const path = this.path(name);
      this.#paths.forget(name);
      fs.rmdirSync(path);
    } else if (!name.inode.absent) fs.unlinkSync(this.path(name));
  }

  [Symbol.dispose](): void {
    this.#paths[Symbol.dispose]();
  }

  #wantsOwner(inode: Inode): boolean {
    return inode.uid !== 0 || inode.gid !== 0;
  }

  #changeOwner(inode: Inode, change: (uid: number, gid: number) => void): void {
    try {
      change(inode.uid, inode.gid);
    } catch (error) {
      if (!isCode(error, 'EINVAL')) throw error;
      inode.foreignOwner = true;
      change(0, 0);
    }
  }
}

/** Turns nanoseconds into what Node's functions take: seconds, or a Date before 1970. */
function diskTime(mtime: bigint): number | Date {
  return mtime < 0n ? new Date(Number(mtime / 1_000_000n)) : Number(mtime) / 1e9;
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(String((error as NodeJS.ErrnoException).code));
}

/** Turns a failure that only the entry itself can have caused into `LAYER_INVALID`; returns others as they are. */
export function explainFailure(thrown: unknown, name: Name): unknown {
  if (!isCode(thrown, 'ENAMETOOLONG', 'EINVAL', 'EMLINK', 'ENOTEMPTY', 'EEXIST')) return thrown;
  const { code } = thrown as NodeJS.ErrnoException;
  return new BuildError(
    'LAYER_INVALID',
    `"${displayBytes(pathOf(name))}" cannot be made on this file system: ${code}`,
    { cause: thrown, suggestion: 'the layer holds names or links that no Linux system can have' },
  );
}
