/**
 * Upload sessions: one append-only file each, hashed while it is written.
 *
 * The length of the file is the offset of the session, so a session survives a cut connection and a killed
 * server alike; the running hash is only a shortcut and is recomputed from the file when it is missing.
 */

import { createHash, type Hash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { algorithmOf, type Digest, type DigestAlgorithm, finishDigest } from '../../model/index.ts';
import type { Blobs } from './blobs.ts';
import { ifPresent, removeFile } from './files.ts';
import type { Layout } from './layout.ts';

interface RunningHash {
  readonly algorithm: DigestAlgorithm;
  readonly hash: Hash;
  hashed: number;
}

/** What an upload needs besides its place. */
export interface UploadDependencies {
  readonly layout: Layout;
  readonly blobs: Blobs;
  readonly durable: boolean;
}

/** The upload sessions of all repositories. Calls for one session must not overlap. */
export class Uploads {
  readonly #deps: UploadDependencies;
  readonly #running = new Map<string, RunningHash>();

  constructor(deps: UploadDependencies) {
    this.#deps = deps;
  }

  /** Opens a session and returns its id. */
  async create(repository: string, algorithm: DigestAlgorithm): Promise<string> {
    const id = randomUUID();
    const path = this.#deps.layout.upload(repository, id);
    await using _ = await open(path, 'wx', 0o644);
    this.#running.set(path, { algorithm, hash: createHash(algorithm), hashed: 0 });
    return id;
  }

  /** Returns the count of bytes received, or undefined when the repository has no such session. */
  async offset(repository: string, id: string): Promise<number | undefined> {
    return (await ifPresent(stat(this.#deps.layout.upload(repository, id))))?.size;
  }

  /**
   * Appends a body and returns the new offset. What arrived before a body breaks off is kept; when the disk
   * fails, the session ends.
   *
   * @param algorithm the digest algorithm expected at the end
   */
  async append(
    repository: string,
    id: string,
    body: AsyncIterable<Uint8Array>,
    algorithm?: DigestAlgorithm,
  ): Promise<number> {
    const path = this.#deps.layout.upload(repository, id);
    await using handle = await open(path, 'a');
    const running = await this.#hashOf(path, (await handle.stat()).size, algorithm);
    this.#running.set(path, running);
    for await (const chunk of body) {
      const written = handle.appendFile(chunk);
      running.hash.update(chunk);
      try {
        await written;
      } catch (error) {
        // On a full disk what is there of the upload would only be in the way.
        await this.cancel(repository, id);
        throw error;
      }
      running.hashed += chunk.length;
    }
    if (this.#deps.durable) await handle.datasync();
    return running.hashed;
  }

  /**
   * Ends a session: the content becomes a blob of the repository when its digest is the expected one.
   * Returns false, and drops the content, when it is not.
   */
  async finish(repository: string, id: string, digest: Digest): Promise<boolean> {
    const path = this.#deps.layout.upload(repository, id);
    const algorithm = algorithmOf(digest);
    const running = await this.#hashOf(path, (await stat(path)).size, algorithm);
    this.#running.delete(path);
    const matches = finishDigest(running.hash, algorithm) === digest;
    if (matches) await this.#deps.blobs.adopt(repository, digest, path);
    else await removeFile(path);
    return matches;
  }

  /** Drops a session and its content; false when there was none. */
  async cancel(repository: string, id: string): Promise<boolean> {
    const path = this.#deps.layout.upload(repository, id);
    this.#running.delete(path);
    return await removeFile(path);
  }

  /** Drops every session that nothing was written to since `before` (milliseconds since the epoch). */
  async expire(before: number): Promise<void> {
    for (const name of (await ifPresent(readdir(this.#deps.layout.uploads))) ?? []) {
      const path = join(this.#deps.layout.uploads, name);
      const lastWrite = (await ifPresent(stat(path)))?.mtimeMs;
      if (lastWrite === undefined || lastWrite >= before) continue;
      this.#running.delete(path);
      await removeFile(path);
    }
  }

  /** The hash over the first `size` bytes: the running one when it fits, else computed from the file. */
  async #hashOf(path: string, size: number, wanted?: DigestAlgorithm): Promise<RunningHash> {
    const running = this.#running.get(path);
    const algorithm = wanted ?? running?.algorithm ?? 'sha256';
    if (running?.hashed === size && running.algorithm === algorithm) return running;
    const hash = createHash(algorithm);
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Buffer);
    }
    return { algorithm, hash, hashed: size };
  }
}
