/**
 * Blobs: content is kept once and hard-linked into each repository that holds it.
 *
 * The link is at the same time the permission to read, the reference count (`nlink`) and the way in, so no
 * crash can make them disagree. Content without a link is removed with the last deletion.
 */

import { chmod, type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Digest } from '../../model/index.ts';
import { ifPresent, linkFile, removeFile } from './files.ts';
import type { Layout } from './layout.ts';

/** An open blob. The receiver closes the handle. */
export interface OpenedBlob {
  readonly handle: FileHandle;
  readonly size: number;
}

/** The blobs of all repositories. */
export class Blobs {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Returns the size of a blob, or undefined when the repository does not hold it. */
  async size(repository: string, digest: Digest): Promise<number | undefined> {
    return (await ifPresent(stat(this.#layout.blob(repository, digest))))?.size;
  }

  /** Opens a blob for reading; undefined when the repository does not hold it. */
  async open(repository: string, digest: Digest): Promise<OpenedBlob | undefined> {
    const handle = await ifPresent(open(this.#layout.blob(repository, digest), 'r'));
    if (handle === undefined) return undefined;
    try {
      return { handle, size: (await handle.stat()).size };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Makes a blob of another repository present in this one; without `from`, of any repository.
   * Returns false when it is not there.
   */
  async mount(repository: string, digest: Digest, from: string | undefined): Promise<boolean> {
    const source =
      from === undefined ? this.#layout.content(digest) : this.#layout.blob(from, digest);
    if ((await ifPresent(stat(source))) === undefined) return false;
    return await linkFile(source, this.#layout.blob(repository, digest));
  }

  /** Takes over a file whose content was verified against `digest`; the file is gone afterwards. */
  async adopt(repository: string, digest: Digest, file: string): Promise<void> {
    const content = this.#layout.content(digest);
    const target = this.#layout.blob(repository, digest);
    await chmod(file, 0o444);
    await mkdir(dirname(content), { recursive: true });
    await linkFile(file, content);
    // A deletion elsewhere may just have removed the shared content: then the file itself is linked.
    if (!(await linkFile(content, target)) && !(await linkFile(file, target))) {
      throw new Error(`upload ${file} vanished before it became ${digest}`);
    }
    await removeFile(file);
  }

  /** Removes a blob from a repository, and its content with the last one; false when it was not there. */
  async remove(repository: string, digest: Digest): Promise<boolean> {
    if (!(await removeFile(this.#layout.blob(repository, digest)))) return false;
    const content = this.#layout.content(digest);
    if ((await ifPresent(stat(content)))?.nlink === 1) await removeFile(content);
    return true;
  }
}
