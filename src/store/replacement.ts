/**
 * A large file that takes its name only when it is complete and on the disk. A lock beside it keeps two writers apart;
 * a killed writer leaves one partial file, which the next one overwrites.
 */

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError, syncDirectory } from './files.ts';
import { acquireLock, type KernelLock } from './lock.ts';

/** A file being written. Disposing one that was not finished removes it. */
export class Replacement implements AsyncDisposable {
  readonly path: string;
  /** For writing; {@link finish} closes it. */
  readonly file: FileHandle;
  readonly #temporary: string;
  readonly #lock: KernelLock;
  #open = true;

  private constructor(path: string, temporary: string, file: FileHandle, lock: KernelLock) {
    this.path = path;
    this.file = file;
    this.#temporary = temporary;
    this.#lock = lock;
  }

  /**
   * Begins to write what is to appear as `path`. Waits for another writer of the same file.
   *
   * @throws BuildError `LOCK_TIMEOUT`, `PERMISSION_DENIED`, `NO_SPACE`, `IO_FAILED`; the signal's reason
   */
  static async open(path: string, signal?: AbortSignal): Promise<Replacement> {
    const beside = (suffix: string) => join(dirname(path), `.${basename(path)}.s2oci-${suffix}`);
    const lock = await acquireLock(beside('lock'), { signal, timeoutMs: 600_000, what: path });
    try {
      const temporary = beside('partial');
      await rm(temporary, { force: true });
      return new Replacement(path, temporary, await open(temporary, 'wx', 0o644), lock);
    } catch (error) {
      await lock.remove();
      throw await fileError(error, `cannot write ${path}`, dirname(path));
    }
  }

  /** Gives the file its name, in place of what has it. */
  async finish(): Promise<void> {
    await this.file.sync();
    await this.#close();
    await rename(this.#temporary, this.path);
    await syncDirectory(dirname(this.path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#close();
      await rm(this.#temporary, { force: true });
    } catch {
      // The next writer removes it.
    }
    await this.#lock.remove();
  }

  async #close(): Promise<void> {
    if (this.#open) await this.file.close();
    this.#open = false;
  }
}
