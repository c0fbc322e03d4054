/**
 * Writes an archive of images: into a file beside its name, which it gets only when it is complete and on
 * the disk. A lock beside it keeps two writers apart; a killed writer leaves one partial file, which
 * the next one overwrites.
 *
 * Members are written one after the other in the order of the calls, so the same image gives the same bytes.
 */

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { abortable, streamOf } from '../blob/index.ts';
import { byteStringOf } from '../model/index.ts';
import {
  acquireLock,
  type Failpoint,
  fileError,
  type KernelLock,
  syncDirectory,
} from '../store/index.ts';
import { encodeEntry, endOfArchive, paddingOf, type TarEntry } from '../tar/index.ts';

/** An archive being written. Disposing one that was not finished removes it. */
export class ArchiveWriter implements AsyncDisposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #lock: KernelLock;
  readonly #file: FileHandle;
  readonly #failpoint: Failpoint;
  #position = 0;
  #last: Promise<unknown> = Promise.resolve();
  #open = true;

  constructor(
    path: string,
    temporary: string,
    lock: KernelLock,
    file: FileHandle,
    failpoint: Failpoint,
  ) {
    this.#path = path;
    this.#temporary = temporary;
    this.#lock = lock;
    this.#file = file;
    this.#failpoint = failpoint;
  }

  /** Adds a directory. */
  addDirectory(name: string): Promise<void> {
    return this.#inTurn(() => this.#append(encodeEntry(entryOf(name, 'directory', 0))));
  }

  /** Adds a member that is in memory. */
  async addBytes(name: string, bytes: Uint8Array): Promise<void> {
    await this.addStream(
      () => name,
      async () => streamOf(bytes),
    );
  }

  /**
   * Adds a member whose size shows when its content ends. When the content fails, nothing of it stays.
   *
   * @param name asked for when the content has ended; at most 100 bytes
   * @param start opens the content when its turn has come
   * @returns the size
   * @throws BuildError `NO_SPACE`, `IO_FAILED`; what the content fails with
   */
  addStream(
    name: () => string,
    start: () => Promise<Readable>,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.#inTurn(async () => {
      const headerAt = this.#position;
      try {
        signal?.throwIfAborted();
        await this.#failpoint('archive.write');
        return await this.#addContent(name, await start(), signal);
      } catch (error) {
        this.#position = headerAt;
        signal?.throwIfAborted();
        throw await fileError(error, `cannot write ${this.#path}`, dirname(this.#path));
      }
    });
  }

  /** Ends the archive and gives it its name. Nothing can be added afterwards. */
  async finish(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#append(endOfArchive);
      await this.#file.truncate(this.#position);
      await this.#failpoint('archive.fsync');
      await this.#file.sync();
      await this.#file.close();
      this.#open = false;
      await this.#failpoint('archive.rename');
      await rename(this.#temporary, this.#path);
      await this.#failpoint('archive.fsync-dir');
      await syncDirectory(dirname(this.#path));
    }).catch(async (error) => {
      throw await fileError(error, `cannot write ${this.#path}`, dirname(this.#path));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => {});
    if (this.#open) {
      this.#open = false;
      await this.#file.close();
    }
    await rm(this.#temporary, { force: true });
    await this.#lock.remove();
  }

  async #addContent(
    name: () => string,
    content: Readable,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const headerAt = this.#position;
    await this.#append(memberHeader('placeholder', 0));
    const contentAt = this.#position;
    for await (const chunk of abortable(content, signal)) await this.#append(chunk);
    const size = this.#position - contentAt;
    await this.#append(paddingOf(size));
    await this.#writeAt(memberHeader(name(), size), headerAt);
    return size;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#writeAt(bytes, this.#position);
    this.#position += bytes.length;
  }

  async #writeAt(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const left = bytes.length - done;
      done += (await this.#file.write(bytes, done, left, position + done)).bytesWritten;
    }
  }

  /** Runs one call after the other, in the order in which they were made. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#last.catch(() => {}).then(action);
    this.#last = turn;
    return turn;
  }
}

/**
 * Begins to write an archive that is to appear as `path`. Waits for another writer of the same file.
 *
 * @throws BuildError `LOCK_TIMEOUT`, `PERMISSION_DENIED`, `NO_SPACE`, `IO_FAILED`; the signal's reason
 */
export async function createArchive(
  path: string,
  failpoint: Failpoint,
  signal?: AbortSignal,
): Promise<ArchiveWriter> {
  const beside = (suffix: string) => join(dirname(path), `.${basename(path)}.s2oci-${suffix}`);
  const lock = await acquireLock(beside('lock'), { signal, timeoutMs: 600_000, what: path });
  try {
    const temporary = beside('partial');
    await rm(temporary, { force: true });
    await failpoint('archive.create');
    const file = await open(temporary, 'wx', 0o644);
    return new ArchiveWriter(path, temporary, lock, file, failpoint);
  } catch (error) {
    await lock.remove();
    throw await fileError(error, `cannot write ${path}`, dirname(path));
  }
}

/**
 * Returns the one block that describes a file, whatever its size: there is room for one only, because the size shows
 * when the content has been written. From 8 GiB on, the size is in base 256 (GNU tar manual, "Basic Tar Format").
 */
export function memberHeader(name: string, size: number): Buffer {
  if (size < 8 ** 11) return Buffer.from(encodeEntry(entryOf(name, 'file', size)));
  const header = Buffer.from(encodeEntry(entryOf(name, 'file', 0)));
  header.fill(0, 124, 136).writeBigUInt64BE(BigInt(size), 128);
  header[124] = 0x80;
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

function entryOf(name: string, type: 'file' | 'directory', size: number): TarEntry {
  return {
    path: byteStringOf(name),
    type,
    mode: type === 'file' ? 0o644 : 0o755,
    uid: 0,
    gid: 0,
    size,
    mtime: 0n,
    linkName: byteStringOf(''),
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
  };
}
