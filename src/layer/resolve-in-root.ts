/**
 * Resolves a path of a container in its root directory on disk, the way the kernel would after a chroot:
 * symlinks lead where they lead inside, and nothing leads outside.
 *
 * Nothing may run in the root meanwhile: the result is a plain path.
 */

import * as fs from 'node:fs';
import { BuildError } from '../errors/index.ts';
import { type ByteString, bufferOf, byteStringOf, displayBytes } from '../model/index.ts';
import { fsPath } from './directory-paths.ts';

/** How a path is resolved. */
export interface ResolveOptions {
  /** Makes every missing component a directory (0755), the last one, too. */
  readonly makeDirectories?: boolean;
}

/** Where a path leads. */
export interface ResolvedPath {
  /** Path as this process sees it; no component is a symlink. What it names need not exist. */
  readonly path: string;
  /** The directories that were made, parents first. */
  readonly created: readonly string[];
}

const maxSymlinks = 40;

/**
 * Resolves an absolute path of a container, symlinks in its last component included.
 *
 * @throws BuildError `PATH_UNSAFE` when it goes through something that is no directory, in circles, or to a name
 *   that is no text
 */
export function resolveInRoot(
  root: string,
  path: string,
  options: ResolveOptions = {},
): ResolvedPath {
  const walk = new DiskWalk(root, path, options.makeDirectories === true);
  walk.run();
  return { path: textOf(walk.here, path) || '/', created: walk.created };
}

/** A walk down a path; what is left of it grows when a symlink is met. */
class DiskWalk {
  readonly created: string[] = [];
  readonly #top: ByteString;
  readonly #path: string;
  readonly #make: boolean;
  readonly #pending: string[];
  #parts: string[] = [];
  #symlinks = 0;

  constructor(root: string, path: string, make: boolean) {
    this.#top = byteStringOf(root.replace(/\/+$/, ''));
    this.#path = path;
    this.#make = make;
    this.#pending = byteStringOf(path).split('/').reverse();
  }

  get here(): ByteString {
    return [this.#top, ...this.#parts].join('/') as ByteString;
  }

  run(): void {
    for (let name = this.#pending.pop(); name !== undefined; name = this.#pending.pop()) {
      if (name === '..') this.#parts.pop();
      else if (name !== '' && name !== '.') this.#enter(name);
    }
  }

  #enter(name: string): void {
    this.#parts.push(name);
    const path = fsPath(this.here);
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      if (this.#make) this.#makeDirectory(path);
    } else if (stat.isSymbolicLink()) {
      this.#parts.pop();
      this.#follow(fs.readlinkSync(path, 'latin1'));
    } else if (!stat.isDirectory() && (this.#make || this.#pending.length > 0)) {
      throw unsafe(this.#path, `"${displayBytes(this.here)}" is no directory`);
    }
  }

  #makeDirectory(path: string | Buffer): void {
    fs.mkdirSync(path);
    fs.chmodSync(path, 0o755);
    this.created.push(textOf(this.here, this.#path));
  }

  #follow(target: string): void {
    if (++this.#symlinks > maxSymlinks) throw unsafe(this.#path, 'it holds too many symlinks');
    if (target.startsWith('/')) this.#parts = [];
    this.#pending.push(...target.split('/').reverse());
  }
}

function textOf(bytes: ByteString, path: string): string {
  const text = bufferOf(bytes).toString('utf8');
  if (byteStringOf(text) !== bytes) throw unsafe(path, 'it leads to a name that is no text');
  return text;
}

function unsafe(path: string, why: string): BuildError {
  return new BuildError('PATH_UNSAFE', `"${path}" cannot be used in the container: ${why}`);
}
