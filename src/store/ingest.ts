/**
 * Writing blobs: hashed while they are written to `ingest/`, made durable, and only then renamed to
 * their name. What lies under a blob's name was whole and right when it was put there.
 *
 * Files in `ingest/` are named `<session>.<n>`; a session's lock tells whether its writer still lives.
 */

import { type FileHandle, open, readdir, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { abortable, digestMismatch, sizeMismatch, WriteThreads, writeHere } from '../blob/index.ts';
import { algorithmOf, type Digest } from '../model/index.ts';
import { ContentFile } from './content-file.ts';
import type { Failpoint } from './failpoint.ts';
import { fileError, moveAside, randomName, syncDirectory, unlinkIfAny } from './files.ts';
import { acquireLock, type KernelLock, tryLock } from './lock.ts';

/** What is known of a content before it is written, and who waits for it. */
export interface WriteOptions {
  readonly digest?: Digest | undefined;
  readonly size?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
  /** Called when the content is written and right, before it appears under its name. */
  readonly beforeCommit?: ((digest: Digest) => Promise<void>) | undefined;
}

/** A content that was written. */
export interface Written {
  readonly digest: Digest;
  readonly size: number;
}

/** The directories of a layout into which blobs are written. */
export interface IngestPlace {
  /** Where contents are written before they get their names; on the same file system as the blobs. */
  readonly ingest: string;
  /** Where things go that lie in the way. */
  readonly quarantine: string;
  /** Permissions of a blob. */
  readonly blobMode: number;
  blob(digest: Digest): string;
  lock(kind: 'ingest', session: string): string;
}

/** What writing takes from its surroundings. */
export interface IngestDeps {
  readonly failpoint: Failpoint;
  readonly now: () => number;
}

/** From this size on a content is written and hashed on a thread; starting one costs as much as a few megabytes. */
const threadedSize = 16 * 1024 * 1024;

/** Threads that write at most: downloads run four at a time, and the processors have other work too. */
const writeThreads = 2;

/** Writes blobs on behalf of one process. */
export class BlobWriter {
  readonly #place: IngestPlace;
  readonly #deps: IngestDeps;
  readonly #session = randomName();
  readonly #threads = new WriteThreads(writeThreads);
  #lock: Promise<KernelLock> | undefined;
  #count = 0;

  constructor(place: IngestPlace, deps: IngestDeps) {
    this.#place = place;
    this.#deps = deps;
  }

  /**
   * Consumes `body` and makes its content a blob. Nothing stays behind on failure.
   *
   * @throws BuildError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `NO_SPACE`, `PERMISSION_DENIED`, `IO_FAILED`;
   * what the body fails with; the signal's reason
   */
  async write(body: Readable, options: WriteOptions): Promise<Written> {
    let temporary: string | undefined;
    let size = 0;
    try {
      options.signal?.throwIfAborted();
      abortable(body, options.signal);
      temporary = await this.#temporaryPath();
      const written = await this.#fill(temporary, body, options, (bytes) => {
        size = bytes;
      });
      await options.beforeCommit?.(written.digest);
      await this.#commit(temporary, this.#place.blob(written.digest));
      return written;
    } catch (error) {
      body.destroy();
      if (temporary !== undefined) await unlinkIfAny(temporary).catch(() => {});
      options.signal?.throwIfAborted();
      const needed = options.size === undefined ? undefined : options.size - size;
      throw await fileError(error, 'cannot store a blob', this.#place.ingest, needed);
    }
  }

  /** Begins the session before the first write: from here on its lock file is in the place. */
  async begin(): Promise<void> {
    this.#lock ??= acquireLock(this.#place.lock('ingest', this.#session));
    await this.#lock;
  }

  /** Gives up the session; nothing may be written afterwards. */
  async close(): Promise<void> {
    await this.#threads[Symbol.asyncDispose]();
    const lock = await this.#lock?.catch(() => undefined);
    await lock?.remove();
  }

  async #temporaryPath(): Promise<string> {
    await this.begin();
    this.#count += 1;
    return join(this.#place.ingest, `${this.#session}.${this.#count}`);
  }

  async #fill(
    path: string,
    body: Readable,
    options: WriteOptions,
    onSize: (bytes: number) => void,
  ): Promise<Written> {
    const file = await open(path, 'wx', 0o600);
    try {
      const written = await this.#transfer(file, body, options, onSize);
      await file.chmod(this.#place.blobMode);
      const now = Math.floor(this.#deps.now() / 1000);
      // Whole seconds, so that setting the time of last use later can keep it exactly.
      await file.utimes(now, now);
      await file.datasync();
      return written;
    } finally {
      await file.close();
    }
  }

  async #transfer(
    file: FileHandle,
    body: Readable,
    { digest, size, onProgress }: WriteOptions,
    onSize: (bytes: number) => void,
  ): Promise<Written> {
    const what = digest ?? 'blob';
    const algorithm = digest === undefined ? 'sha256' : algorithmOf(digest);
    const isSmall = (size ?? 0) < threadedSize;
    const target = new ContentFile({
      writer: isSmall ? writeHere(file, algorithm) : this.#threads.writer(file, algorithm),
      beforeWrite: () => this.#deps.failpoint('ingest.write'),
      onWritten: (bytes) => {
        onSize(bytes);
        onProgress?.(bytes);
      },
    });
    try {
      let count = 0;
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        count += chunk.length;
        if (size !== undefined && count > size) throw sizeMismatch(what, size, count);
        await target.add(chunk);
      }
      if (size !== undefined && count !== size) throw sizeMismatch(what, size, count);
      const actual = await target.end();
      if (digest !== undefined && actual !== digest) throw digestMismatch(what, digest, actual);
      return { digest: actual, size: count };
    } finally {
      await target.abandon();
    }
  }

  /** Replaces what lies there: ours is known to be right, and readers keep what they have open. */
  async #commit(temporary: string, path: string): Promise<void> {
    await this.#deps.failpoint('ingest.rename');
    try {
      await rename(temporary, path);
    } catch (error) {
      if (!isObstructed(error)) throw error;
      await moveAside(path, this.#place.quarantine);
      await rename(temporary, path);
    }
    await syncDirectory(dirname(path));
  }
}

/** Removes what dead writers left in `ingest/`. */
export async function sweepIngest(place: IngestPlace): Promise<void> {
  const bySession = Map.groupBy(await readdir(place.ingest), (name) => name.split('.', 1)[0] ?? '');
  for (const [session, names] of bySession) {
    if (!/^[0-9a-f]{16}$/.test(session)) continue;
    const lock = await tryLock(place.lock('ingest', session));
    if (lock === undefined) continue;
    for (const name of names) await unlinkIfAny(join(place.ingest, name));
    await lock.remove();
  }
}

function isObstructed(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EISDIR' || code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR';
}
