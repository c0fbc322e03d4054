/**
 * A digest of everything of a source that a build can see: names, kinds, permissions, contents and link targets of what is not
 * left out. Owners and times do not count, since the build sets them. Fields are length-prefixed, so no two sources have
 * the same input to the hash.
 */

import { createHash, type Hash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import {
  type ByteString,
  bufferOf,
  byteStringFrom,
  byteStringOf,
  type Digest,
  finishDigest,
} from '../model/index.ts';
import { compileIgnore, type IgnoreMatcher } from './ignore/rules.ts';
import type { SourceTree } from './types.ts';

/**
 * Hashes a source as it is now. Sockets, fifos and devices do not count: no build takes them.
 *
 * @throws the error of the file system for what cannot be read; the reason of the signal
 */
export async function hashSource(
  tree: Pick<SourceTree, 'path' | 'ignore'>,
  signal?: AbortSignal,
): Promise<Digest> {
  const hasher = new TreeHasher(byteStringOf(tree.path), compileIgnore(tree.ignore), signal);
  return await hasher.run();
}

class TreeHasher {
  readonly #root: ByteString;
  readonly #matcher: IgnoreMatcher;
  readonly #signal: AbortSignal | undefined;
  readonly #hash: Hash = createHash('sha256');

  constructor(root: ByteString, matcher: IgnoreMatcher, signal: AbortSignal | undefined) {
    this.#root = root;
    this.#matcher = matcher;
    this.#signal = signal;
  }

  async run(): Promise<Digest> {
    await this.#directory('');
    return finishDigest(this.#hash);
  }

  /** Entries in the order of their bytes. */
  async #directory(prefix: string): Promise<void> {
    this.#signal?.throwIfAborted();
    const entries: Dirent<Buffer>[] = await readdir(this.#place(prefix), {
      withFileTypes: true,
      encoding: 'buffer',
    });
    for (const entry of entries.toSorted((a, b) => Buffer.compare(a.name, b.name))) {
      const path =
        `${prefix === '' ? '' : `${prefix}/`}${byteStringFrom(entry.name)}` as ByteString;
      if (entry.isDirectory()) await this.#subdirectory(path);
      else if (!this.#matcher.ignores(path, false)) await this.#leaf(path, entry);
    }
  }

  async #subdirectory(path: ByteString): Promise<void> {
    if (this.#matcher.prunes(path)) return;
    this.#add('directory', path, await this.#modeOf(path));
    await this.#directory(path);
  }

  async #leaf(path: ByteString, entry: Dirent<Buffer>): Promise<void> {
    if (entry.isSymbolicLink()) {
      const target = await readlink(this.#place(path), { encoding: 'buffer' });
      this.#add('symlink', path, byteStringFrom(target));
    } else if (entry.isFile()) {
      this.#add('file', path, await this.#modeOf(path), await this.#contentOf(path));
    }
  }

  async #contentOf(path: ByteString): Promise<string> {
    const content = createHash('sha256');
    await using file = await open(this.#place(path), constants.O_RDONLY | constants.O_NOFOLLOW);
    for await (const chunk of file.createReadStream({ autoClose: false, ...this.#abort() }))
      content.update(chunk as Buffer);
    return content.digest('hex');
  }

  #abort(): { signal?: AbortSignal } {
    return this.#signal === undefined ? {} : { signal: this.#signal };
  }

  async #modeOf(path: ByteString): Promise<string> {
    return ((await lstat(this.#place(path))).mode & 0o777).toString(8);
  }

  #place(path: string): Buffer {
    return bufferOf(`${this.#root}/${path}` as ByteString);
  }

  #add(...fields: readonly string[]): void {
    for (const field of fields) {
      const bytes = Buffer.from(field, 'latin1');
      this.#hash.update(`${bytes.length}:`);
      this.#hash.update(bytes);
    }
    this.#hash.update('\n');
  }
}
