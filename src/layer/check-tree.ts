/**
 * Tells whether a stored root file system is still what its index lists. The checksums in there were taken of what was
 * written, which the digests of the layers vouched for; they find damage, not somebody who can write to the store.
 */

import { closeSync, constants, openSync, readdirSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { BuildError } from '../errors/index.ts';
import { type ByteString, byteStringOf, displayBytes } from '../model/index.ts';
import type { Inode } from './apply/inodes.ts';
import { loadTree } from './apply/load.ts';
import { Directory, Name, pathOf } from './apply/tree.ts';
import { type Facts, readFacts } from './capture/node-facts.ts';
import { DirectoryPaths } from './directory-paths.ts';
import { diskMode, type IdMapping } from './id-mapping.ts';

/** Who looks: owners and permissions on disk are as they have to be for this map only. */
export interface CheckedMapping {
  readonly kind: IdMapping;
  /** The end of the names of the root file systems that were unpacked under it. */
  readonly key: string;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
const bytesAtOnce = 2 ** 20;
const namesAtOnce = 500;
/** How far times on disk may be off, in nanoseconds: they are set as numbers of seconds. */
const timeTolerance = 1_000_000n;
const changed = 'is not as it was unpacked';

/**
 * Compares the stored root file system in a directory (`fs/`, `index.jsonl`) with its index: names, kinds, sizes, link
 * targets, contents of files, and owners, permissions and times of files where the id map is that of whoever looks.
 *
 * @returns the first thing that is not as it was unpacked; undefined when all is, or when it is not ours to look at
 * @throws the signal's reason
 */
export async function treeProblem(
  directory: string,
  mapping: CheckedMapping,
  signal?: AbortSignal,
): Promise<string | undefined> {
  using paths = new DirectoryPaths(byteStringOf(join(directory, 'fs')));
  const isOurs = basename(directory).endsWith(`.${mapping.key}`);
  const check = new Check(paths, isOurs ? mapping.kind : undefined, signal);
  try {
    return await check.problemIn(loadTree(join(directory, 'index.jsonl')));
  } catch (thrown) {
    signal?.throwIfAborted();
    if (thrown instanceof BuildError) return thrown.message;
    // Stored under another id map.
    if ((thrown as NodeJS.ErrnoException).code === 'EACCES') return undefined;
    throw thrown;
  }
}

class Check {
  readonly #paths: DirectoryPaths;
  readonly #mapping: IdMapping | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer = Buffer.allocUnsafe(bytesAtOnce);
  /** Files with several names whose content has been read. */
  readonly #read = new Set<number>();
  #names = 0;

  constructor(paths: DirectoryPaths, mapping: IdMapping | undefined, signal?: AbortSignal) {
    this.#paths = paths;
    this.#mapping = mapping;
    this.#signal = signal;
  }

  async problemIn(directory: Directory): Promise<string | undefined> {
    const listed = readdirSync(this.#paths.directory(directory), { encoding: 'latin1' });
    const present = new Set(listed);
    for (const name of directory.children.values()) {
      present.delete(name.name);
      const problem = await this.#problemWith(name, directory);
      if (problem !== undefined) return `"${displayBytes(pathOf(name))}" ${problem}`;
      const inside = name instanceof Directory ? await this.problemIn(name) : undefined;
      if (inside !== undefined) return inside;
    }
    const [added] = present as Set<ByteString>;
    if (added === undefined) return undefined;
    const name = new Name(added, directory, directory.inode, 0);
    return `"${displayBytes(pathOf(name))}" was added`;
  }

  async #problemWith(name: Name, parent: Directory): Promise<string | undefined> {
    if (++this.#names % namesAtOnce === 0) await this.#pause();
    const { inode } = name;
    if (inode.absent) return undefined;
    const path = this.#paths.path(parent, name.name);
    const facts = readFacts(path);
    if (facts === undefined) return 'is missing';
    if (!(isSame(facts, inode) && this.#isOwnedAs(facts, inode))) return changed;
    if (inode.type !== 'file' || inode.checksum === 0 || this.#read.has(inode.id)) return undefined;
    if (inode.links > 1) this.#read.add(inode.id);
    return await this.#contentProblem(path, inode);
  }

  #isOwnedAs(facts: Facts, inode: Inode): boolean {
    if (this.#mapping === undefined) return true;
    const isDirectory = inode.type === 'directory';
    const off = facts.mtime - inode.mtime;
    // That of a directory tells of its names only, which are compared themselves.
    if (!isDirectory && (off > timeTolerance || off < -timeTolerance)) return false;
    const mode = diskMode(inode.mode, isDirectory, this.#mapping);
    if (inode.type !== 'symlink' && facts.mode !== mode) return false;
    const [uid, gid] = inode.foreignOwner ? [0, 0] : [inode.uid, inode.gid];
    return this.#mapping === 'single' || (facts.uid === uid && facts.gid === gid);
  }

  async #contentProblem(path: string | Buffer, inode: Inode): Promise<string | undefined> {
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      let checksum = 0;
      for (let length = bytesAtOnce; length > 0; ) {
        length = readSync(fd, this.#buffer, 0, bytesAtOnce, null);
        checksum = crc32(this.#buffer.subarray(0, length), checksum);
        if (length === bytesAtOnce) await this.#pause();
      }
      return checksum === inode.checksum ? undefined : 'has another content than was unpacked';
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EIO') return 'cannot be read: EIO';
      throw thrown;
    } finally {
      closeSync(fd);
    }
  }

  async #pause(): Promise<void> {
    await setImmediate();
    this.#signal?.throwIfAborted();
  }
}

function isSame(facts: Facts, inode: Inode): boolean {
  return (
    facts.type === inode.type && facts.size === inode.size && facts.linkName === inode.linkName
  );
}
