/**
 * Random access to the members of an archive: one pass finds where each lies, then any of them is read by
 * offset. Nothing is unpacked.
 */

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import { type TarEntry, TarReader } from '../tar/index.ts';
import type { LayoutFiles, OpenedFile } from './layout-files.ts';

/** A member's content: where it lies in the archive. */
interface Extent {
  offset: number;
  readonly size: number;
}

type Member = Extent | { readonly target: string };

const maxMembers = 100_000;
const maxLinks = 5;
const chunkSize = 1024 * 1024;
const rangeChunkSize = 256 * 1024;

/** An archive whose members can be opened by name. Closes the file when disposed. */
export class TarFile implements LayoutFiles {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #members: ReadonlyMap<string, Member>;

  constructor(path: string, file: FileHandle, members: ReadonlyMap<string, Member>) {
    this.path = path;
    this.#file = file;
    this.#members = members;
  }

  /** Opens a plain file of the archive, following links among its members. */
  async open(name: string): Promise<OpenedFile | undefined> {
    const extent = this.#find(name);
    if (extent === undefined) return undefined;
    const chunks = readRange(this.#file, extent);
    return { body: Readable.from(chunks, { objectMode: false }), size: extent.size };
  }

  /** Reads the first bytes of a member; fewer when it is shorter, none when there is no such member. */
  async readStart(name: string, length: number): Promise<Buffer> {
    const extent = this.#find(name);
    if (extent === undefined) return Buffer.alloc(0);
    const buffer = Buffer.alloc(Math.min(length, extent.size));
    await this.#file.read(buffer, 0, buffer.length, extent.offset);
    return buffer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }

  #find(name: string): Extent | undefined {
    let path = normalise(name);
    for (let links = 0; links <= maxLinks; links += 1) {
      const member = path === undefined ? undefined : this.#members.get(path);
      if (member === undefined || 'size' in member) return member;
      path = normalise(member.target);
    }
    return undefined;
  }
}

/**
 * Finds the members of an uncompressed archive. Takes over the file handle.
 *
 * @throws BuildError `TAR_INVALID`, `LIMIT_EXCEEDED`, `IO_FAILED`
 */
export async function indexTarFile(path: string, file: FileHandle): Promise<TarFile> {
  try {
    const indexer = new Indexer(path);
    const buffer = Buffer.allocUnsafeSlow(chunkSize);
    for (let at = 0; ; ) {
      const { bytesRead } = await file.read(buffer, 0, chunkSize, at);
      if (bytesRead === 0) break;
      indexer.write(buffer.subarray(0, bytesRead), at);
      at += bytesRead;
    }
    return new TarFile(path, file, indexer.end());
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Opens a file that is to be read at any offset. @throws BuildError `IMAGE_NOT_FOUND`, `PERMISSION_DENIED`, `IO_FAILED` */
export async function openArchiveFile(path: string): Promise<FileHandle> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (error: NodeJS.ErrnoException) => {
      const kinds = { ENOENT: 'IMAGE_NOT_FOUND', EACCES: 'PERMISSION_DENIED' } as const;
      const kind = kinds[error.code as keyof typeof kinds] ?? 'IO_FAILED';
      throw new BuildError(kind, `cannot read ${path}: ${error.message}`, { cause: error });
    },
  );
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new BuildError('IO_FAILED', `cannot read ${path}: it is not a plain file`);
}

class Indexer {
  readonly #members = new Map<string, Member>();
  readonly #path: string;
  readonly #reader: TarReader;
  #chunk: Uint8Array = Buffer.alloc(0);
  #chunkOffset = 0;
  #current: Extent | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#reader = new TarReader(
      {
        entry: (entry) => this.#onEntry(entry),
        data: (data) => this.#onData(data),
        hole: () => this.#refuse('it holds a sparse file'),
      },
      { what: path, limits: { entries: maxMembers, contentBytes: Number.MAX_SAFE_INTEGER } },
    );
  }

  write(chunk: Uint8Array, offset: number): void {
    this.#chunk = chunk;
    this.#chunkOffset = offset;
    this.#reader.write(chunk);
  }

  end(): ReadonlyMap<string, Member> {
    this.#reader.end();
    return this.#members;
  }

  #onEntry(entry: TarEntry): void {
    this.#current = undefined;
    const name = normalise(Buffer.from(entry.path, 'latin1').toString());
    if (name === undefined || !['file', 'symlink', 'hardlink'].includes(entry.type)) return;
    // Which of two descriptions holds must not depend on who reads.
    if (this.#members.has(name) && /^(index|manifest)\.json$|^oci-layout$/.test(name)) {
      this.#refuse(`it holds ${displayText(name)} twice`);
    }
    if (entry.type === 'file') {
      this.#current = { offset: -1, size: entry.size };
      this.#members.set(name, this.#current);
      return;
    }
    const link = Buffer.from(entry.linkName, 'latin1').toString();
    const target = entry.type === 'symlink' ? posix.join(posix.dirname(name), link) : link;
    this.#members.set(name, { target });
  }

  /** Data arrives as a view of the chunk that was written, which tells where it lies. */
  #onData(data: Uint8Array): void {
    if (this.#current === undefined || this.#current.offset !== -1) return;
    this.#current.offset = this.#chunkOffset + data.byteOffset - this.#chunk.byteOffset;
  }

  #refuse(why: string): never {
    throw new BuildError('TAR_INVALID', `cannot read images from ${this.#path}: ${why}`);
  }
}

/** Reads by position, so that many members can be read at once. */
async function* readRange(file: FileHandle, { offset, size }: Extent): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const length = Math.min(rangeChunkSize, size - at);
    const { bytesRead, buffer } = await file.read(
      Buffer.allocUnsafe(length),
      0,
      length,
      offset + at,
    );
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Brings `./a`, `/a` and `b/../a` into one spelling; undefined for what lies outside. */
function normalise(name: string): string | undefined {
  const path = posix.normalize(name).replace(/^\/+/, '').replace(/\/$/, '');
  return path === '.' || path === '' || path === '..' || path.startsWith('../') ? undefined : path;
}
