/**
 * Finds directories in the tree the way a process chrooted into it would: symlinks are followed inside
 * the root, `..` stops there, and missing directories can be made on the way.
 */

import { BuildError } from '../../errors/index.ts';
import { type ByteString, bufferOf, byteStringFrom, displayBytes } from '../../model/index.ts';
import { Directory, type Name } from './tree.ts';

/** The kernel's own limit on symlinks in one path. */
const maxSymlinks = 40;
const maxSteps = 10_000;

/** Makes a missing directory, or one in place of something that is none; undefined when that must stay. */
export type MakeDirectory = (
  parent: Directory,
  name: ByteString,
  inTheWay?: Name,
) => Directory | undefined;

/**
 * Returns the directory at a path; undefined when there is none and none may be made.
 *
 * @throws BuildError `LAYER_INVALID` when the path goes through something that is no directory, or in circles
 */
export function resolveDirectory(
  root: Directory,
  path: ByteString,
  make?: MakeDirectory,
): Directory | undefined {
  const walk = new Walk(root, path);
  for (let name = walk.next(); name !== undefined; name = walk.next()) {
    const found = walk.directory.children.get(name);
    const usable = canEnter(found) ? found : make?.(walk.directory, name, found);
    if (usable !== undefined) walk.enter(usable);
    else if (make === undefined) return undefined;
    else throw unusable(path, 'a part of it is no directory');
  }
  return walk.directory;
}

function canEnter(found: Name | undefined): found is Name {
  return found instanceof Directory || found?.inode.type === 'symlink';
}

/** A walk down a path, whose rest grows when a symlink is met. */
class Walk {
  readonly #root: Directory;
  readonly #path: ByteString;
  readonly #pending: string[];
  #symlinks = 0;
  #steps = 0;
  directory: Directory;

  constructor(root: Directory, path: ByteString) {
    this.#root = root;
    this.#path = path;
    this.directory = root;
    this.#pending = path.split('/').reverse();
  }

  /** The next component that has to be looked up in the present directory; undefined at the end. */
  next(): ByteString | undefined {
    for (let name = this.#pending.pop(); name !== undefined; name = this.#pending.pop()) {
      this.#steps += 1;
      if (name === '..') this.directory = this.directory.parent ?? this.#root;
      else if (name !== '' && name !== '.') return name as ByteString;
    }
    return undefined;
  }

  enter(found: Name): void {
    if (found instanceof Directory) this.directory = found;
    else this.#follow(found.inode.linkName);
  }

  #follow(target: ByteString): void {
    if (++this.#symlinks > maxSymlinks || this.#steps > maxSteps)
      throw unusable(this.#path, 'too many symlinks');
    if (target.startsWith('/')) this.directory = this.#root;
    this.#pending.push(...target.split('/').reverse());
  }
}

/** Returns what a path names without following a symlink in its last component. */
export function lookUp(root: Directory, path: ByteString): Name | undefined {
  const slash = path.lastIndexOf('/');
  const directory = resolveDirectory(root, path.slice(0, Math.max(slash, 0)) as ByteString);
  return directory?.children.get(path.slice(slash + 1) as ByteString);
}

/** Returns a copy that does not keep the longer string alive which it was cut out of. */
export function detached(name: ByteString): ByteString {
  return name.length < 13 ? name : byteStringFrom(bufferOf(name));
}

function unusable(path: ByteString, why: string): BuildError {
  return new BuildError(
    'LAYER_INVALID',
    `layer has an entry in "${displayBytes(path)}" that cannot be placed: ${why}`,
  );
}
