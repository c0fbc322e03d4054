/**
 * `index.jsonl`: every entry of a stored root file system, one JSON line each, in the canonical order
 * (docs/design.md): component by component by bytes, a directory before its content, no line for the
 * root. Written once by unpacking, read by cloning and capturing.
 */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
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
    try {
      this.#flush();
    } finally {
      closeSync(this.#fd);
    }
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
