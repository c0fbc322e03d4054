/** The content of a layer, put together from files of this machine and from text; owned by root, timeless. */

import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { byteStringOf } from '../../src/model/index.ts';
import type { TarEntry, TarWriter } from '../../src/tar/index.ts';

/** What an entry is like when it is not the default. */
export interface EntryOptions {
  readonly mode?: number;
  readonly uid?: number;
}

interface PlannedEntry {
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly uid: number;
  readonly size: number;
  readonly target: string;
  readonly open: () => Uint8Array | AsyncIterable<Uint8Array>;
}

const nothing = () => new Uint8Array(0);

/** A tree that becomes a layer. Paths are absolute; folders above an entry are made; the first entry of a path stays. */
export class FileTree {
  readonly #entries = new Map<string, PlannedEntry>();

  /** Adds a folder. */
  directory(path: string, options: EntryOptions = {}): void {
    const { mode = 0o755, uid = 0 } = options;
    this.#add(path, { type: 'directory', mode, uid, size: 0, target: '', open: nothing });
  }

  /** Adds a file with a text as its content. */
  text(path: string, content: string, options: EntryOptions = {}): void {
    const { mode = 0o644, uid = 0 } = options;
    const bytes = Buffer.from(content);
    this.#add(path, { type: 'file', mode, uid, size: bytes.length, target: '', open: () => bytes });
  }

  /** Adds a symbolic link. */
  symlink(path: string, target: string): void {
    this.#add(path, { type: 'symlink', mode: 0o777, uid: 0, size: 0, target, open: nothing });
  }

  /** Adds a file of this machine; what is executable there is executable in the image. */
  async file(source: string, path: string, options: EntryOptions = {}): Promise<void> {
    const { size, mode } = await lstat(source);
    const open = () => createReadStream(source, { highWaterMark: 256 * 1024 });
    const normal = (mode & 0o111) === 0 ? 0o644 : 0o755;
    const { mode: chosen = normal, uid = 0 } = options;
    this.#add(path, { type: 'file', mode: chosen, uid, size, target: '', open });
  }

  /** Adds a folder of this machine with everything in it; `options` hold for its files. */
  async folder(source: string, path: string, options: EntryOptions = {}): Promise<void> {
    this.directory(path);
    for (const entry of await readdir(source, { withFileTypes: true })) {
      const from = join(source, entry.name);
      const to = posix.join(path, entry.name);
      if (entry.isDirectory()) await this.folder(from, to, options);
      else if (entry.isSymbolicLink()) this.symlink(to, await readlink(from));
      else if (entry.isFile()) await this.file(from, to, options);
    }
  }

  /** Writes all entries, folders before what is in them; the archive is left open. */
  async write(writer: TarWriter): Promise<void> {
    const inOrder = [...this.#entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [path, entry] of inOrder) await writer.entry(describe(path, entry), entry.open());
  }

  #add(path: string, entry: PlannedEntry): void {
    const parent = posix.dirname(path);
    if (parent !== '/' && !this.#entries.has(parent)) this.directory(parent);
    if (!this.#entries.has(path)) this.#entries.set(path, entry);
  }
}

function describe(path: string, entry: PlannedEntry): TarEntry {
  return {
    path: byteStringOf(path.slice(1)),
    type: entry.type,
    mode: entry.mode,
    uid: entry.uid,
    gid: 0,
    size: entry.size,
    mtime: 0n,
    linkName: byteStringOf(entry.target),
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  };
}
