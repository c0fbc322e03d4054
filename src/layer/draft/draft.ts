/**
 * A layer that is written down instead of being made on a disk: entries are placed into a root file system
 * that exists as names only, and what was placed becomes the archive. Owners, modes and attributes are
 * exact whatever ids this process has, and no content is written twice.
 *
 * Paths are resolved as a process chrooted into the root file system would resolve them.
 */

import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { decompress } from '../../blob/index.ts';
import { BuildError } from '../../errors/index.ts';
import { type ByteString, displayBytes } from '../../model/index.ts';
import { encodeEntry, endOfArchive, paddingOf, readTar, type TarEntry } from '../../tar/index.ts';
import { Applier, type TreeStorage } from '../apply/applier.ts';
import { Inode } from '../apply/inodes.ts';
import { loadTree } from '../apply/load.ts';
import { detached, resolveDirectory } from '../apply/resolve.ts';
import { Directory, entryOf, Name, newRoot, pathOf } from '../apply/tree.ts';
import type { LayerFile } from '../layer-feed.ts';
import { isReservedName } from '../whiteout.ts';
import { type FileContent, readContent } from './content.ts';

/** What an entry is apart from its name. */
export type EntryFacts = Omit<TarEntry, 'path'>;

/** The root file system that a layer is drafted on. */
export interface DraftBase {
  /** The index of a stored root file system; an empty one when absent. */
  readonly index?: string;
  /** Layers on top of it that were not unpacked. */
  readonly layers: readonly LayerFile[];
}

const nowhere: TreeStorage = {
  makeDirectory: () => {},
  makeLink: () => {},
  makeSymlink: () => {},
  createFile: () => undefined,
  write: () => {},
  finishFile: () => {},
  remove: () => {},
};

const maxSymlinks = 40;

/** Reads the names of a root file system. */
export async function readTree(
  base: DraftBase,
  signal?: AbortSignal,
): Promise<{ readonly root: Directory; readonly layers: number }> {
  const root = base.index === undefined ? newRoot() : loadTree(base.index);
  using applier = new Applier(root, nowhere, () => {});
  for (const layer of base.layers) {
    applier.beginLayer();
    const body = decompress(createReadStream(layer.path), layer.compression);
    await readTar(body, applier, { what: `layer ${layer.diffId}` }, signal);
    applier.endLayer();
  }
  return { root, layers: base.layers.length };
}

/** A layer in the making. */
export class Draft {
  readonly root: Directory;
  readonly #number: number;
  readonly #touched = new Set<Directory>();
  readonly #contents = new Map<number, FileContent>();
  /** Entries placed so far. */
  entries = 0;

  private constructor(root: Directory, number: number) {
    this.root = root;
    this.#number = number;
  }

  /** Begins an empty layer on a root file system. */
  static async begin(base: DraftBase, signal?: AbortSignal): Promise<Draft> {
    const { root, layers } = await readTree(base, signal);
    return new Draft(root, layers + 1);
  }

  /** Returns what a path leads to, all symlinks followed; undefined when nothing is there. */
  find(path: ByteString): Name | undefined {
    return findInTree(this.root, path);
  }

  /** Returns the path of something that was found, relative to the root. */
  path(name: Name): ByteString {
    return pathOf(name);
  }

  /**
   * Returns the directory at a path, and makes what is missing of it.
   *
   * @throws BuildError `PATH_UNSAFE` when the path goes through something that is no directory
   */
  directory(path: ByteString, made: EntryFacts): Directory {
    return resolveDirectory(this.root, path, (parent, name, inTheWay) => {
      if (inTheWay !== undefined) throw inTheWayOf(inTheWay, 'a directory is needed there');
      return this.#add(
        new Directory(detached(name), parent, Inode.add(parent.inodes, made), this.#number),
      );
    }) as Directory;
  }

  /**
   * Places a directory, or merges with the one that is there and takes over its attributes.
   *
   * @throws BuildError `PATH_UNSAFE` when something else is there
   */
  placeDirectory(parent: Directory, name: ByteString, facts: EntryFacts): Directory {
    const existing = this.#entered(parent, name);
    if (existing === undefined)
      return this.#add(
        new Directory(detached(name), parent, Inode.add(parent.inodes, facts), this.#number),
      );
    if (!(existing instanceof Directory))
      throw inTheWayOf(existing, 'a directory cannot replace it');
    existing.inode.assume(facts);
    this.#change(existing);
    return existing;
  }

  /**
   * Places anything but a directory; what is there is replaced.
   *
   * @throws BuildError `PATH_UNSAFE` when a directory is there, `LAYER_INVALID` for names that no layer can hold
   */
  place(parent: Directory, name: ByteString, facts: EntryFacts, content?: FileContent): Name {
    const placed = this.#replace(parent, name, Inode.add(parent.inodes, facts));
    if (content !== undefined) this.#contents.set(placed.inode.id, content);
    return placed;
  }

  /** Gives what was placed before another name. */
  link(parent: Directory, name: ByteString, existing: Name): Name {
    if (existing.inode.id === parent.children.get(name)?.inode.id) return existing;
    existing.inode.links += 1;
    return this.#replace(parent, name, existing.inode);
  }

  /** The archive, in canonical order (docs/design.md, "The canonical layer"). */
  body(): Readable {
    return Readable.from(this.#pack(), { objectMode: false });
  }

  #replace(parent: Directory, name: ByteString, inode: Inode): Name {
    const existing = parent.children.get(name);
    if (existing instanceof Directory) throw inTheWayOf(existing, 'a file cannot replace it');
    if (existing !== undefined) existing.inode.links -= 1;
    return this.#add(new Name(detached(name), parent, inode, this.#number));
  }

  /** A symlink that leads to a directory stands for it, so that `/bin -> usr/bin` survives a copy of `bin/`. */
  #entered(parent: Directory, name: ByteString): Name | undefined {
    const existing = parent.children.get(name);
    if (existing?.inode.type !== 'symlink') return existing;
    const led = findInTree(this.root, pathOf(existing));
    return led instanceof Directory ? led : existing;
  }

  #add<T extends Name>(name: T): T {
    if (isReservedName(name.name))
      throw new BuildError(
        'LAYER_INVALID',
        `"${displayBytes(pathOf(name))}" cannot be part of an image: names that begin with .wh. mean removals`,
      );
    name.parent?.put(name);
    this.#change(name);
    return name;
  }

  #change(name: Name): void {
    name.layer = this.#number;
    this.entries += 1;
    for (let at = name.parent; at !== undefined && !this.#touched.has(at); at = at.parent)
      this.#touched.add(at);
  }

  *#changed(directory: Directory): Generator<Name> {
    for (const name of directory.sorted()) {
      const isTouched = name instanceof Directory && this.#touched.has(name);
      if (isTouched || name.layer === this.#number) yield name;
      if (isTouched) yield* this.#changed(name);
    }
  }

  async *#pack(): AsyncGenerator<Uint8Array> {
    const first = new Map<number, ByteString>();
    for (const name of this.#changed(this.root)) {
      const { inode } = name;
      const path = pathOf(name);
      const linkName = inode.links > 1 ? first.get(inode.id) : undefined;
      const entry = plainEntry(path, inode);
      if (linkName === undefined) yield* this.#whole(entry, this.#contents.get(inode.id));
      else yield encodeEntry({ ...entry, type: 'hardlink', size: 0, linkName, xattrs: new Map() });
      if (linkName === undefined) first.set(inode.id, path);
    }
    yield endOfArchive;
  }

  async *#whole(entry: TarEntry, content: FileContent | undefined): AsyncGenerator<Uint8Array> {
    yield encodeEntry(entry);
    if (entry.size === 0) return;
    yield* readContent(content ?? Buffer.alloc(0), entry);
    const padding = paddingOf(entry.size);
    if (padding.length > 0) yield padding;
  }
}

/** Finds what a path leads to in a tree, all symlinks followed; undefined when nothing is there. */
export function findInTree(root: Directory, path: ByteString): Name | undefined {
  let wanted: string = path;
  for (let followed = 0; followed <= maxSymlinks; followed += 1) {
    const slash = wanted.lastIndexOf('/');
    const parent = resolveDirectory(root, wanted.slice(0, Math.max(slash, 0)) as ByteString);
    const last = wanted.slice(slash + 1) as ByteString;
    if (parent === undefined || last === '' || last === '.') return parent;
    if (last === '..') return parent.parent ?? root;
    const found = parent.children.get(last);
    if (found?.inode.type !== 'symlink') return found;
    const { linkName } = found.inode;
    wanted = linkName.startsWith('/') ? linkName : `${pathOf(parent)}/${linkName}`;
  }
  throw new BuildError('PATH_UNSAFE', `"${displayBytes(path)}" leads in circles`);
}

/** Returns what a layer says of an inode under one of its names. */
export function plainEntry(path: ByteString, inode: Inode): TarEntry {
  const { absent: _, foreignOwner: __, lostXattrs: ___, ...entry } = entryOf(path, inode);
  return entry;
}

function inTheWayOf(name: Name, why: string): BuildError {
  const kind = name instanceof Directory ? 'directory' : name.inode.type;
  return new BuildError('PATH_UNSAFE', `"/${displayBytes(pathOf(name))}" is a ${kind}: ${why}`, {
    origin: 'source',
  });
}
