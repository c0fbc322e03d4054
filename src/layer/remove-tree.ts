/**
 * Removes trees that builds leave behind: directories nobody may enter, any depth, any names. Works for
 * the root of a user namespace and for an ordinary owner.
 *
 * Nothing is followed: neither symlinks nor mounts. What is deeper than a path can say is first moved up.
 */

import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { asBuildError, BuildError } from '../errors/index.ts';
import { byteStringFrom, byteStringOf } from '../model/index.ts';
import { fsPath } from './directory-paths.ts';

/** Bytes of a path from which on a directory is moved up before it is emptied. */
const farOff = 3000;
/** How many names are removed between two turns of the event loop. */
const namesAtOnce = 500;

/** A directory that is being emptied. */
interface Opened {
  readonly path: string;
  readonly names: fs.Dirent<string>[];
}

/**
 * Removes whatever is at a path. Idempotent: something that is not there is no failure.
 *
 * @throws BuildError `PERMISSION_DENIED` or `IO_FAILED` naming what could not be removed
 */
export async function removeTree(path: string | Buffer): Promise<void> {
  const top = typeof path === 'string' ? byteStringOf(path) : byteStringFrom(path);
  try {
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory()) await new Removal(top, stat.dev).run();
    else if (stat !== undefined) fs.unlinkSync(path);
  } catch (error) {
    throw asBuildError(error);
  }
}

/** The removal of one tree: a stack of directories, the deepest last. */
class Removal {
  readonly #top: string;
  readonly #device: number;
  readonly #stack: Opened[] = [];
  #moved = 0;

  constructor(top: string, device: number) {
    this.#top = top;
    this.#device = device;
  }

  async run(): Promise<void> {
    this.#open(this.#top);
    for (let count = 1; this.#stack.length > 0; count += 1) {
      this.#step(this.#stack[this.#stack.length - 1] as Opened);
      if (count % namesAtOnce === 0) await setImmediate();
    }
  }

  #step(directory: Opened): void {
    const entry = directory.names.pop();
    if (entry === undefined) {
      this.#stack.pop();
      this.#close(directory);
      return;
    }
    const path = `${directory.path}/${entry.name}`;
    if (!entry.isDirectory()) fs.unlinkSync(fsPath(path));
    else if (path.length > farOff) this.#moveUp(path);
    else this.#open(path);
  }

  #open(path: string): void {
    if (fs.lstatSync(fsPath(path)).dev !== this.#device)
      throw new BuildError('IO_FAILED', `cannot remove "${path}": something is mounted there`, {
        origin: 'local',
      });
    this.#stack.push({ path, names: list(path) });
  }

  /** Things that were moved up meanwhile are in the top directory. */
  #close(directory: Opened): void {
    if (directory.path === this.#top && this.#moved > 0) {
      this.#moved = 0;
      this.#open(this.#top);
    } else fs.rmdirSync(fsPath(directory.path));
  }

  #moveUp(path: string): void {
    // A directory can only be moved by who may write to it: its `..` changes.
    fs.chmodSync(fsPath(path), 0o700);
    this.#moved += 1;
    fs.renameSync(fsPath(path), fsPath(`${this.#top}/${randomUUID()}`));
  }
}

function list(path: string): fs.Dirent<string>[] {
  const read = () =>
    fs.readdirSync(fsPath(path), { encoding: 'latin1' as 'utf8', withFileTypes: true });
  try {
    const names = read();
    fs.accessSync(fsPath(path), fs.constants.W_OK | fs.constants.X_OK);
    return names;
  } catch {
    fs.chmodSync(fsPath(path), 0o700);
    return read();
  }
}
