/**
 * Writes the entries of a source archive below an empty directory.
 *
 * Nothing is ever written through a link: every directory on the way to an entry must be one that this
 * extractor made. Names are strict, devices and fifos are refused, set-id bits are dropped.
 */

import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { BuildError } from '../../errors/index.ts';
import { type ByteString, bufferOf, byteStringOf, displayBytes } from '../../model/index.ts';
import { strictPath, type TarEntry, type TarHandler } from '../../tar/index.ts';

type Made = 'directory' | 'file' | 'symlink';

/** A handler that extracts; call `finish` when the archive has ended, and `close` in any case. */
export class SourceExtractor implements TarHandler {
  readonly #root: ByteString;
  readonly #what: string;
  readonly #made = new Map<ByteString, Made>();
  readonly #directories = new Map<ByteString, TarEntry>();
  #file: { readonly descriptor: number; readonly seconds: number } | undefined;
  #entries = 0;

  /** @param root an existing, empty directory */
  constructor(root: string, what: string) {
    this.#root = byteStringOf(root);
    this.#what = what;
    this.#made.set('' as ByteString, 'directory');
  }

  /** Entries seen so far. */
  get entries(): number {
    return this.#entries;
  }

  entry(entry: TarEntry): void {
    this.close();
    this.#entries += 1;
    const path = strictPath(entry.path, this.#what);
    if (entry.type === 'directory') this.#directory(path, entry);
    else this.#leaf(path, entry);
  }

  #leaf(path: ByteString, entry: TarEntry): void {
    if (path === '') this.#refuse(entry.path, 'it would replace the source itself');
    this.#makeParents(path);
    this.#clear(path);
    if (entry.type === 'file') this.#openFile(path, entry);
    else if (entry.type === 'symlink') symlinkSync(bufferOf(entry.linkName), this.#place(path));
    else if (entry.type === 'hardlink') this.#link(path, entry);
    else this.#refuse(entry.path, 'a source holds no devices and no fifos');
    this.#made.set(path, entry.type === 'symlink' ? 'symlink' : 'file');
  }

  data(chunk: Uint8Array): void {
    for (let offset = 0; offset < chunk.length && this.#file !== undefined; ) {
      offset += writeSync(this.#file.descriptor, chunk, offset);
    }
  }

  /** Gives directories their modes and times, children first. */
  finish(): void {
    this.close();
    for (const [path, { mode, mtime }] of [...this.#directories].reverse()) {
      chmodSync(this.#place(path), (mode & 0o777) | 0o700);
      utimesSync(this.#place(path), secondsOf(mtime), secondsOf(mtime));
    }
  }

  /** Closes the file being written. */
  close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    try {
      futimesSync(file.descriptor, file.seconds, file.seconds);
    } finally {
      closeSync(file.descriptor);
    }
  }

  #directory(path: ByteString, entry: TarEntry): void {
    if (path === '') return;
    this.#makeParents(path);
    if (this.#made.get(path) !== 'directory') {
      this.#clear(path);
      this.#makeDirectory(path);
    }
    this.#directories.set(path, entry);
  }

  #makeParents(path: ByteString): void {
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) {
      const parent = path.slice(0, at) as ByteString;
      const made = this.#made.get(parent);
      if (made === undefined) this.#makeDirectory(parent);
      else if (made !== 'directory')
        this.#refuse(path, 'it lies below something that is no directory');
    }
  }

  #makeDirectory(path: ByteString): void {
    mkdirSync(this.#place(path), 0o755);
    this.#made.set(path, 'directory');
  }

  #openFile(path: ByteString, { mode, mtime }: TarEntry): void {
    const descriptor = openSync(this.#place(path), 'wx', 0o600);
    this.#file = { descriptor, seconds: secondsOf(mtime) };
    fchmodSync(descriptor, (mode & 0o777) | 0o400);
  }

  #link(path: ByteString, entry: TarEntry): void {
    const target = strictPath(entry.linkName, this.#what);
    if (this.#made.get(target) !== 'file')
      this.#refuse(entry.path, 'it links to no file of the archive');
    linkSync(this.#place(target), this.#place(path));
  }

  /** A later entry of the same name replaces an earlier one, but never a directory. */
  #clear(path: ByteString): void {
    const made = this.#made.get(path);
    if (made === 'directory') this.#refuse(path, 'it would replace a directory');
    if (made !== undefined) rmSync(this.#place(path));
    this.#made.delete(path);
  }

  #place(path: ByteString): Buffer {
    return bufferOf(`${this.#root}/${path}` as ByteString);
  }

  #refuse(path: ByteString, why: string): never {
    throw new BuildError(
      'PATH_UNSAFE',
      `${this.#what}: entry ${displayBytes(path)} is refused: ${why}`,
      {
        origin: 'source',
      },
    );
  }
}

function secondsOf(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1e6;
}
