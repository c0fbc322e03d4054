/**
 * Paths for file-system calls below one directory, however deep.
 *
 * The kernel takes paths of at most 4095 bytes, and what is below a state directory may be deeper than
 * that. Far-off directories are opened, and their content is reached through `/proc/self/fd`. Callers
 * guarantee that every directory named is a real one, not a symlink.
 */

import { closeSync, constants, openSync } from 'node:fs';
import { type ByteString, bufferOf } from '../model/index.ts';

/** A directory by its name in its parent; the top directory has no parent, and its name does not count. */
export interface PathNode {
  readonly name: ByteString;
  readonly parent: PathNode | undefined;
}

/** Bytes of a path after which a descriptor takes its place; leaves room for the longest name. */
const stride = 3000;
const maxOpen = 32;
const openDirectory = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Turns a path into what Node's functions take without changing a byte. */
export function fsPath(path: string): string | Buffer {
  return /^[\x00-\x7f]*$/.test(path) ? path : bufferOf(path as ByteString);
}

/** Makes paths; holds a few descriptors, which disposing closes. */
export class DirectoryPaths {
  readonly #top: string;
  readonly #open = new Map<PathNode, number>();
  #last: PathNode | undefined;
  #lastPrefix = '';

  constructor(top: ByteString) {
    this.#top = `${top}/`;
  }

  /** Returns the path of something in a directory. Valid until many other directories were asked for. */
  path(directory: PathNode, name: ByteString): string | Buffer {
    return fsPath(this.#prefix(directory) + name);
  }

  /** Returns the path of the directory itself. */
  directory(directory: PathNode): string | Buffer {
    return fsPath(this.#prefix(directory));
  }

  /** Must be called before a directory is removed or moved. */
  forget(directory: PathNode): void {
    this.#last = undefined;
    const fd = this.#open.get(directory);
    if (fd === undefined) return;
    this.#open.delete(directory);
    closeSync(fd);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #prefix(directory: PathNode): string {
    if (directory === this.#last) return this.#lastPrefix;
    const prefix = this.#compute(directory);
    this.#last = directory;
    this.#lastPrefix = prefix;
    return prefix;
  }

  #compute(directory: PathNode): string {
    const chain: PathNode[] = [];
    for (let node = directory; node.parent !== undefined; node = node.parent) chain.push(node);
    let prefix = this.#top;
    for (const node of chain.reverse()) {
      const next = `${prefix}${node.name}/`;
      prefix = next.length > stride ? `/proc/self/fd/${this.#descriptor(node, next)}/` : next;
    }
    return prefix;
  }

  #descriptor(node: PathNode, path: string): number {
    let fd = this.#open.get(node);
    if (fd === undefined) {
      const [oldest] = this.#open.keys();
      if (this.#open.size >= maxOpen && oldest !== undefined) this.forget(oldest);
      fd = openSync(fsPath(path), openDirectory);
    } else this.#open.delete(node);
    this.#open.set(node, fd);
    return fd;
  }
}
