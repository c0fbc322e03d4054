/**
 * Several layers as one: what they change together, with whiteouts for what of the layers below is gone. Contents are
 * read from the unpacked result, everything else from the layers themselves.
 */

import { Readable } from 'node:stream';
import { type ByteString, byteStringOf } from '../../model/index.ts';
import { encodeEntry, endOfArchive, paddingOf } from '../../tar/index.ts';
import { Directory, impliedDirectory, type Name, pathOf } from '../apply/tree.ts';
import { fsPath } from '../directory-paths.ts';
import { whiteoutOf } from '../whiteout.ts';
import { readContent } from './content.ts';
import { type DraftBase, type EntryFacts, plainEntry, readTree } from './draft.ts';

/** What is joined. */
export interface SquashRequest {
  /** What lies below, and the layers that become one. */
  readonly base: DraftBase;
  /** The directory `fs` of the root file system with all of the layers. */
  readonly result: string;
  /** Nanoseconds; modification time of whiteouts. */
  readonly epoch: bigint;
}

/** Returns the archive of the joined layer, in canonical order. */
export async function squashLayers(
  request: SquashRequest,
  signal?: AbortSignal,
): Promise<Readable> {
  const { index } = request.base;
  const { root: before } = await readTree({ ...(index ? { index } : {}), layers: [] }, signal);
  const { root: after } = await readTree(request.base, signal);
  return Readable.from(new Squash(request).pack(before, after), { objectMode: false });
}

class Squash {
  readonly #result: ByteString;
  readonly #epoch: bigint;
  readonly #first = new Map<number, ByteString>();

  constructor({ result, epoch }: SquashRequest) {
    this.#result = byteStringOf(result);
    this.#epoch = epoch;
  }

  async *pack(before: Directory, after: Directory): AsyncGenerator<Uint8Array> {
    yield* this.#directory(before, after);
    yield endOfArchive;
  }

  *#directory(before: Directory | undefined, after: Directory): Generator<Uint8Array> {
    for (const { name } of before?.sorted() ?? [])
      if (!after.children.has(name)) yield this.#whiteout(after, name);
    for (const name of after.sorted()) {
      const below = directoryIn(before, name);
      if (name instanceof Directory) yield* this.#changed(below, name);
      else if (name.layer > 0) yield* this.#leaf(name);
    }
  }

  *#changed(before: Directory | undefined, after: Directory): Generator<Uint8Array> {
    if (!hasChanges(before, after)) return;
    yield encodeEntry(plainEntry(pathOf(after), after.inode));
    yield* this.#directory(before, after);
  }

  #whiteout(parent: Directory, name: ByteString): Uint8Array {
    const directory = pathOf(parent);
    const path = `${directory === '' ? '' : `${directory}/`}${whiteoutOf(name)}` as ByteString;
    return encodeEntry({ ...emptyFile, path, mtime: this.#epoch });
  }

  *#leaf(name: Name): Generator<Uint8Array> {
    const { inode } = name;
    const path = pathOf(name);
    const entry = plainEntry(path, inode);
    const linkName = this.#first.get(inode.id);
    if (linkName !== undefined) {
      yield encodeEntry({ ...entry, type: 'hardlink', size: 0, linkName, xattrs: new Map() });
      return;
    }
    this.#first.set(inode.id, path);
    yield encodeEntry(entry);
    if (entry.size === 0) return;
    yield* readContent({ path: fsPath(`${this.#result}/${path}`) }, entry);
    const padding = paddingOf(entry.size);
    if (padding.length > 0) yield padding;
  }
}

/** Tells whether a directory, or anything below it, is in the joined layer. */
function hasChanges(before: Directory | undefined, after: Directory): boolean {
  if (after.layer > 0) return true;
  if ([...(before?.children.keys() ?? [])].some((name) => !after.children.has(name))) return true;
  return [...after.children.values()].some((name) => {
    if (name.layer > 0) return true;
    return name instanceof Directory && hasChanges(directoryIn(before, name), name);
  });
}

function directoryIn(before: Directory | undefined, { name }: Name): Directory | undefined {
  const below = before?.children.get(name);
  return below instanceof Directory ? below : undefined;
}

const emptyFile: EntryFacts = { ...impliedDirectory, type: 'file', mode: 0o600 };
