/**
 * Reading blobs: each is hashed once by each process before its first use; what is not what its name
 * says is moved to `quarantine/`, from where nobody reads.
 */

import { type FileHandle, utimes } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { digestStream, type Expected, readFileChunks, sizeMismatch } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import { algorithmOf, type Digest } from '../model/index.ts';
import type { StoreContext } from './context.ts';
import { fileError, lstatIfAny, moveAside, openRegularFile } from './files.ts';

/** What tells a file apart from a replaced or rewritten one; reading and dating its use leave it alone. */
interface Fingerprint {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Result of looking at a blob: its size when it is right. */
export type BlobState =
  | { readonly state: 'good'; readonly size: number }
  | { readonly state: 'absent' }
  | { readonly state: 'damaged'; readonly reason: string; readonly movedTo: string | undefined };

/** How seldom the time of last use is written. */
const useGranularityMs = 3_600_000;

/** Reads the blobs of one store on behalf of one process. */
export class BlobReader {
  readonly #context: StoreContext;
  readonly #verified = new Map<Digest, Fingerprint>();

  constructor(context: StoreContext) {
    this.#context = context;
  }

  /** Tells whether something that may be the blob is there; content and kind are checked when it is used. */
  async has(digest: Digest): Promise<boolean> {
    return (await lstatIfAny(this.#context.paths.blob(digest)))?.isFile() === true;
  }

  /** Tells whether a file of the right size lies there, and notes that it is used; its content is checked when it is read. */
  async looksWhole({ digest, size }: Expected): Promise<boolean> {
    const path = this.#context.paths.blob(digest);
    const found = await lstatIfAny(path);
    if (found?.isFile() !== true || found.size !== size) return false;
    await this.#dateUse(path, found.atimeMs, found.mtimeMs);
    return true;
  }

  /**
   * Looks at a blob, hashing it unless this process knows it already, and sets a damaged one aside.
   *
   * @param again hashes it even when it is known
   */
  async check(digest: Digest, again = false): Promise<BlobState> {
    if (again) this.#verified.delete(digest);
    const opened = await this.#openVerified(digest);
    if (opened.state !== 'good') return opened;
    await opened.file.close();
    return { state: 'good', size: opened.size };
  }

  /**
   * Opens a blob that is right. The descriptor it holds stays valid when the blob is evicted.
   *
   * @throws BuildError `BLOB_NOT_FOUND`, `STORE_DAMAGED` after setting it aside, `SIZE_MISMATCH` when
   * the descriptor lies about the length
   */
  async open(expected: Expected): Promise<Readable> {
    const { file, size } = await this.#require(expected.digest);
    if (size !== expected.size) {
      await file.close();
      throw sizeMismatch(expected.digest, expected.size, size);
    }
    return readFileChunks(file, { expected: size });
  }

  /** The file of a blob that is right. @throws as {@link open} */
  async pathOf(digest: Digest): Promise<string> {
    const { file } = await this.#require(digest);
    await file.close();
    return this.#context.paths.blob(digest);
  }

  /** Remembers that this process has just written the blob itself. */
  async trust(digest: Digest): Promise<void> {
    const found = await lstatIfAny(this.#context.paths.blob(digest));
    if (found?.isFile() === true) this.#verified.set(digest, fingerprintOf(found));
  }

  async #require(digest: Digest): Promise<{ file: FileHandle; size: number }> {
    const opened = await this.#openVerified(digest);
    if (opened.state === 'good') return opened;
    if (opened.state === 'absent') {
      throw new BuildError('BLOB_NOT_FOUND', `${digest} is not in the local store`, {
        origin: 'local',
      });
    }
    throw new BuildError('STORE_DAMAGED', `${digest} in the local store ${opened.reason}`, {
      origin: 'local',
      retryable: true,
      suggestion: 'run the command again: the damaged copy was set aside and will be replaced',
    });
  }

  async #openVerified(
    digest: Digest,
  ): Promise<
    | { state: 'good'; file: FileHandle; size: number }
    | Exclude<BlobState, { readonly state: 'good' }>
  > {
    const path = this.#context.paths.blob(digest);
    try {
      const file = await openRegularFile(path);
      if (file === undefined) return await this.#damaged(digest, 'is not a regular file');
      try {
        const found = await file.stat();
        if (!(await this.#isRight(digest, file, fingerprintOf(found)))) {
          await file.close();
          return await this.#damaged(digest, 'does not hash to its name', found.ino);
        }
        await this.#dateUse(path, found.atimeMs, found.mtimeMs);
        return { state: 'good', file, size: found.size };
      } catch (error) {
        await file.close().catch(() => {});
        throw error;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { state: 'absent' };
      if ((error as NodeJS.ErrnoException).code === 'EACCES') {
        return this.#damaged(digest, 'cannot be read');
      }
      throw await fileError(error, `cannot read ${digest} in the local store`, path);
    }
  }

  async #isRight(digest: Digest, file: FileHandle, found: Fingerprint): Promise<boolean> {
    if (isSame(this.#verified.get(digest), found)) return true;
    this.#verified.delete(digest);
    const content = readFileChunks(file, { expected: found.size, keepOpen: true });
    const actual = await digestStream(content, algorithmOf(digest));
    if (actual.digest !== digest || actual.size !== found.size) return false;
    this.#verified.set(digest, found);
    return true;
  }

  /** Sets a blob aside unless it has been replaced since it was looked at. */
  async #damaged(
    digest: Digest,
    reason: string,
    ino?: number,
  ): Promise<BlobState & { state: 'damaged' }> {
    const path = this.#context.paths.blob(digest);
    const now = await lstatIfAny(path);
    if (this.#context.readOnly || (ino !== undefined && now?.ino !== ino)) {
      return { state: 'damaged', reason, movedTo: undefined };
    }
    const movedTo = await moveAside(path, this.#context.paths.quarantine);
    return { state: 'damaged', reason, movedTo };
  }

  async #dateUse(path: string, atimeMs: number, mtimeMs: number): Promise<void> {
    const now = this.#context.now();
    if (this.#context.readOnly || now - atimeMs < useGranularityMs) return;
    // Only eviction order depends on it, and the file may belong to somebody else.
    await utimes(path, Math.floor(now / 1000), Math.floor(mtimeMs / 1000)).catch(() => {});
  }
}

function fingerprintOf({ ino, size, mtimeMs }: Fingerprint): Fingerprint {
  return { ino, size, mtimeMs };
}

function isSame(a: Fingerprint | undefined, b: Fingerprint): boolean {
  return a?.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs;
}
