/** The content of files that are put into a layer: bytes at hand, or a file of this machine. */

import * as fs from 'node:fs';
import { BuildError } from '../../errors/index.ts';
import { displayBytes } from '../../model/index.ts';
import type { TarEntry } from '../../tar/index.ts';

/** Bytes, or where they are; a path is read when it is needed, and must be a regular file then. */
export type FileContent = Uint8Array | { readonly path: string | Buffer };

const chunkSize = 2 ** 18;
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/**
 * Yields as many bytes as the entry says. A chunk is the reader's own.
 *
 * @throws BuildError `SOURCE_INVALID` when there are less, or no regular file is there any more
 */
export function* readContent(
  content: FileContent,
  entry: Pick<TarEntry, 'path' | 'size'>,
): Generator<Uint8Array> {
  if (content instanceof Uint8Array) {
    if (content.length !== entry.size) throw changed(entry);
    yield content;
    return;
  }
  const fd = fs.openSync(content.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!fs.fstatSync(fd).isFile()) throw changed(entry);
    for (let left = entry.size; left > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(left, chunkSize));
      const length = fs.readSync(fd, chunk, 0, chunk.length, null);
      if (length === 0) throw changed(entry);
      left -= length;
      yield chunk.subarray(0, length);
    }
  } finally {
    fs.closeSync(fd);
  }
}

function changed(entry: Pick<TarEntry, 'path'>): BuildError {
  return new BuildError(
    'SOURCE_INVALID',
    `"${displayBytes(entry.path)}" changed while it was read`,
    { origin: 'source', suggestion: 'make sure that nothing writes to the build context' },
  );
}
