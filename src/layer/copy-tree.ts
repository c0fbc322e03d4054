/**
 * Copies a directory of the host, such as an application's source, into a root file system.
 *
 * The copy says nothing about the machine: owner, time and the group and other bits are what the caller
 * gives. Nothing at the destination is followed. Work is done in small synchronous steps, between which
 * the event loop turns.
 */

import * as fs from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { asBuildError, BuildError } from '../errors/index.ts';
import {
  type ByteString,
  byteStringFrom,
  byteStringOf,
  displayBytes,
  isZeros,
} from '../model/index.ts';
import { fsPath } from './directory-paths.ts';
import { removeTree } from './remove-tree.ts';

/** How a tree is copied. */
export interface CopyOptions {
  /** Tells whether an entry is taken, by its path below the source; a directory left out is not entered. */
  readonly filter?: (path: ByteString, isDirectory: boolean) => boolean;
  /** Owner of everything copied; whoever copies when absent, as it has to be under a single id. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Permission bits that are taken away; 0o022 when absent. Setuid, setgid and sticky always are. */
  readonly modeMask?: number;
  /** Adds the execute bits to files that can be read, for scripts that lost them. */
  readonly executable?: boolean;
  /** Modification time of everything, in nanoseconds; the source's own when absent. */
  readonly mtime?: bigint;
  /** `follow` copies what a symlink leads to, which must lie inside the source; one that leads nowhere stays a symlink. */
  readonly symlinks: 'preserve' | 'follow';
}

/** What was copied. */
export interface CopyResult {
  /** Files and symlinks. */
  readonly files: number;
  readonly bytes: number;
  readonly warnings: readonly string[];
}

const entriesAtOnce = 200;
const maxDepth = 1024;

/**
 * Copies the content of the directory `from` into the directory `to`, which is made if missing. Existing
 * directories are merged with, anything else in the way is replaced.
 *
 * @throws BuildError `SOURCE_INVALID` when the source changes while it is read or nests too deep, `PATH_UNSAFE`
 *   for a followed symlink that leads outside, and the errors of the disk
 */
export async function copyTree(
  from: string,
  to: string,
  options: CopyOptions,
  signal?: AbortSignal,
): Promise<CopyResult> {
  const source = byteStringOf(from);
  try {
    const copy = new TreeCopy(source, options, signal);
    await copy.directory({ source, target: byteStringOf(to), path: '' as ByteString }, [source]);
    return copy.result();
  } catch (error) {
    throw signal?.aborted ? signal.reason : asBuildError(error);
  }
}

/** One entry: where it comes from, where it goes, and its path below the source. */
interface Item {
  readonly source: ByteString;
  readonly target: ByteString;
  readonly path: ByteString;
}

class TreeCopy {
  readonly #root: ByteString;
  readonly #options: CopyOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer = Buffer.allocUnsafe(2 ** 18);
  readonly #warnings: string[] = [];
  #files = 0;
  #bytes = 0;
  #entries = 0;

  constructor(from: ByteString, options: CopyOptions, signal: AbortSignal | undefined) {
    this.#root = realPath(from);
    this.#options = options;
    this.#signal = signal;
  }

  result(): CopyResult {
    return { files: this.#files, bytes: this.#bytes, warnings: this.#warnings };
  }

  /** `above` holds the real paths of the directories that are being copied, to notice circles. */
  async directory(item: Item, above: readonly ByteString[]): Promise<void> {
    if (above.length > maxDepth) throw invalid(item, 'directories nest too deep');
    const stat = fs.statSync(fsPath(item.source), { bigint: true });
    await makeDirectory(item.target);
    for (const name of fs.readdirSync(fsPath(item.source), 'latin1').sort()) {
      if (++this.#entries % entriesAtOnce === 0) await setImmediate();
      this.#signal?.throwIfAborted();
      await this.#child(
        {
          source: `${item.source}/${name}` as ByteString,
          target: `${item.target}/${name}` as ByteString,
          path: (item.path === '' ? name : `${item.path}/${name}`) as ByteString,
        },
        above,
      );
    }
    this.#setAttributes(item.target, stat);
  }

  async #child(item: Item, above: readonly ByteString[]): Promise<void> {
    const stat = fs.lstatSync(fsPath(item.source), { bigint: true });
    const follows = stat.isSymbolicLink() && this.#options.symlinks === 'follow';
    if (follows && fs.existsSync(fsPath(item.source))) return this.#followed(item, above);
    if (this.#options.filter?.(item.path, stat.isDirectory()) === false) return;
    if (stat.isDirectory()) await this.directory(item, [...above, item.source]);
    else if (stat.isFile() || stat.isSymbolicLink()) await this.#leaf(item, stat);
    else this.#warnings.push(`left out, neither file nor directory: "${displayBytes(item.path)}"`);
  }

  async #followed(item: Item, above: readonly ByteString[]): Promise<void> {
    const source = realPath(item.source);
    if (source !== this.#root && !source.startsWith(`${this.#root}/`))
      throw new BuildError(
        'PATH_UNSAFE',
        `symlink "${displayBytes(item.path)}" leads out of the source`,
        { origin: 'source', suggestion: 'copy the file into the source, or keep symlinks' },
      );
    if (above.some((directory) => realPath(directory) === source))
      throw invalid(item, 'symlinks lead in circles');
    await this.#child({ ...item, source }, above);
  }

  async #leaf(item: Item, stat: fs.BigIntStats): Promise<void> {
    await removeTree(fsPath(item.target));
    this.#files += 1;
    if (stat.isSymbolicLink()) this.#symlink(item, stat);
    else this.#file(item, stat);
  }

  #symlink(item: Item, stat: fs.BigIntStats): void {
    const target = fsPath(item.target);
    fs.symlinkSync(fsPath(fs.readlinkSync(fsPath(item.source), 'latin1')), target);
    const { owner } = this.#options;
    if (owner !== undefined) fs.lchownSync(target, owner.uid, owner.gid);
    const time = this.#time(stat);
    fs.lutimesSync(target, time, time);
  }

  #file(item: Item, stat: fs.BigIntStats): void {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
    const source = fs.openSync(fsPath(item.source), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      if (!fs.fstatSync(source).isFile()) throw invalid(item, 'it changed while it was read');
      const target = fs.openSync(fsPath(item.target), 'wx', 0o600);
      try {
        this.#bytes += this.#content(source, target, stat.blocks * 512n < stat.size);
        this.#setFileAttributes(target, stat);
      } finally {
        fs.closeSync(target);
      }
    } finally {
      fs.closeSync(source);
    }
  }

  /** Copies all there is; where the source may have holes, blocks of zeros become holes. */
  #content(source: number, target: number, isSparse: boolean): number {
    let position = 0;
    while (true) {
      const length = fs.readSync(source, this.#buffer, 0, this.#buffer.length, null);
      if (length === 0) break;
      const chunk = this.#buffer.subarray(0, length);
      if (!(isSparse && isZeros(chunk)))
        for (let at = 0; at < length; )
          at += fs.writeSync(target, chunk, at, length - at, position + at);
      position += length;
    }
    if (isSparse) fs.ftruncateSync(target, position);
    return position;
  }

  #setFileAttributes(fd: number, stat: fs.BigIntStats): void {
    const { owner, executable } = this.#options;
    if (owner !== undefined) fs.fchownSync(fd, owner.uid, owner.gid);
    const mode = Number(stat.mode) & 0o777;
    fs.fchmodSync(fd, this.#masked(executable ? mode | ((mode & 0o444) >> 2) : mode));
    const time = this.#time(stat);
    fs.futimesSync(fd, time, time);
  }

  #setAttributes(target: ByteString, stat: fs.BigIntStats): void {
    const path = fsPath(target);
    const { owner } = this.#options;
    if (owner !== undefined) fs.lchownSync(path, owner.uid, owner.gid);
    // Whoever owns a directory in the image has to be able to work in it.
    fs.chmodSync(path, this.#masked(Number(stat.mode) & 0o777) | 0o700);
    const time = this.#time(stat);
    fs.utimesSync(path, time, time);
  }

  #masked(mode: number): number {
    return mode & ~(this.#options.modeMask ?? 0o022);
  }

  #time(stat: fs.BigIntStats): number | Date {
    const time = this.#options.mtime ?? stat.mtimeNs;
    return time < 0n ? new Date(Number(time / 1_000_000n)) : Number(time) / 1e9;
  }
}

async function makeDirectory(path: ByteString): Promise<void> {
  const stat = fs.lstatSync(fsPath(path), { throwIfNoEntry: false });
  if (stat?.isDirectory()) return;
  if (stat !== undefined) await removeTree(fsPath(path));
  fs.mkdirSync(fsPath(path), 0o700);
}

function realPath(path: ByteString): ByteString {
  return byteStringFrom(fs.realpathSync.native(fsPath(path), 'buffer'));
}

function invalid(item: Item, why: string): BuildError {
  return new BuildError('SOURCE_INVALID', `cannot copy "${displayBytes(item.path)}": ${why}`, {
    origin: 'source',
  });
}
