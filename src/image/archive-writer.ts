/**
 * Writes an archive of images, which gets its name only when it is complete and on the disk (store/replacement.ts).
 *
 * Members are written one after the other in the order of the calls, so the same image gives the same bytes.
 */

import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { abortable, streamOf } from '../blob/index.ts';
import { byteStringOf } from '../model/index.ts';
import { fileError, Replacement } from '../store/index.ts';
import { encodeEntry, endOfArchive, paddingOf, type TarEntry } from '../tar/index.ts';

/** An archive being written. Disposing one that was not finished removes it. */
export class ArchiveWriter implements AsyncDisposable {
  readonly #output: Replacement;
  #position = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(output: Replacement) {
    this.#output = output;
  }

  /** Adds a directory. */
  async addDirectory(name: string): Promise<void> {
    try {
      await this.#inTurn(() => this.#append(encodeEntry(entryOf(name, 'directory', 0))));
    } catch (error) {
      throw await this.#failure(error);
    }
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
        return await this.#addContent(name, await start(), signal);
      } catch (error) {
        this.#position = headerAt;
        signal?.throwIfAborted();
        throw await this.#failure(error);
      }
    });
  }

  /** Ends the archive and gives it its name. Nothing can be added afterwards. */
  async finish(): Promise<void> {
    try {
      await this.#inTurn(async () => {
        await this.#append(endOfArchive);
        await this.#output.file.truncate(this.#position);
        await this.#output.finish();
      });
    } catch (error) {
      throw await this.#failure(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => {});
    await this.#output[Symbol.asyncDispose]();
  }

  #failure(error: unknown): Promise<unknown> {
    const { path } = this.#output;
    return fileError(error, `cannot write ${path}`, dirname(path));
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
      done += (await this.#output.file.write(bytes, done, left, position + done)).bytesWritten;
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
export async function createArchive(path: string, signal?: AbortSignal): Promise<ArchiveWriter> {
  return new ArchiveWriter(await Replacement.open(path, signal));
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
