/**
 * `index.jsonl`: every entry of a stored root file system, one JSON line each, in the canonical order
 * (docs/design.md): component by component by bytes, a directory before its content, no line for the
 * root. Written once by unpacking, read by cloning and capturing.
 */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { ByteString } from '../model/index.ts';
import { formatEntry, parseEntry, type RootfsEntry } from './rootfs-entry.ts';

const chunkSize = 2 ** 18;

/** Writes an index; entries come in canonical order. */
export class IndexWriter {
  readonly #fd: number;
  #pending: string[] = [];
  #length = 0;
  /** Entries written so far. */
  entries = 0;

  /** Makes the file; it must not exist. */
  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o600);
  }

  add(entry: RootfsEntry): void {
    const line = formatEntry(entry);
    this.#pending.push(line);
    this.#length += line.length;
    this.entries += 1;
    if (this.#length >= chunkSize) this.#flush();
  }

  [Symbol.dispose](): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    const bytes = Buffer.from(this.#pending.join(''), 'utf8');
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    this.#pending = [];
    this.#length = 0;
  }
}

/**
 * Reads an index entry by entry, in constant memory.
 *
 * @throws BuildError `STORE_DAMAGED`
 */
export function* readIndex(path: string): Generator<RootfsEntry> {
  const fd = openSync(path, 'r');
  try {
    const chunk = Buffer.alloc(chunkSize);
    let rest: Buffer = Buffer.alloc(0);
    for (let length = 1; length > 0; ) {
      length = readSync(fd, chunk, 0, chunk.length, null);
      const bytes = Buffer.concat([rest, chunk.subarray(0, length)]);
      const end = bytes.lastIndexOf(10) + 1;
      rest = bytes.subarray(end);
      for (const line of bytes.toString('utf8', 0, end).split('\n'))
        if (line !== '') yield parseEntry(line);
    }
    if (rest.length > 0) yield parseEntry(rest.toString('utf8'));
  } finally {
    closeSync(fd);
  }
}

/** An entry and, for a directory, what is in it. */
export interface IndexNode {
  /** Undefined for the root. A hard link has the attributes of the file it names. */
  readonly entry: RootfsEntry | undefined;
  readonly children: ReadonlyMap<ByteString, IndexNode>;
}

interface GrowingNode extends IndexNode {
  readonly children: Map<ByteString, GrowingNode>;
}

const leaf: Map<ByteString, GrowingNode> = new Map();

/** A whole index in memory, for lookups. */
export class RootfsIndex {
  readonly root: IndexNode;
  /** How many entries there are. */
  readonly size: number;

  private constructor(root: IndexNode, size: number) {
    this.root = root;
    this.size = size;
  }

  /** Reads the index of a stored root file system. */
  static load(path: string): RootfsIndex {
    const root: GrowingNode = { entry: undefined, children: new Map() };
    const byPath = new Map<ByteString, GrowingNode>([['' as ByteString, root]]);
    let size = 0;
    for (const line of readIndex(path)) {
      const entry = line.type === 'hardlink' ? resolveLink(line, byPath) : line;
      const slash = entry.path.lastIndexOf('/');
      const node = { entry, children: entry.type === 'directory' ? new Map() : leaf };
      const parent = byPath.get(entry.path.slice(0, Math.max(slash, 0)) as ByteString);
      parent?.children.set(entry.path.slice(slash + 1) as ByteString, node);
      byPath.set(entry.path, node);
      size += 1;
    }
    return new RootfsIndex(root, size);
  }

  /** Returns the entry at a path without leading slash; links in the path are not followed. */
  get(path: ByteString): RootfsEntry | undefined {
    let node: IndexNode | undefined = this.root;
    for (const name of path.split('/')) node = node?.children.get(name as ByteString);
    return node?.entry;
  }
}

/** The first name of a hard-linked file stands before the others, so it is always there. */
function resolveLink(link: RootfsEntry, byPath: ReadonlyMap<ByteString, IndexNode>): RootfsEntry {
  const target = byPath.get(link.linkName)?.entry;
  return target === undefined ? link : { ...target, path: link.path };
}
