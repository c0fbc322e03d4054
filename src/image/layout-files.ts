/**
 * The files of an OCI layout, wherever they lie: in a directory, or in an archive of one.
 */

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { readFileChunks } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';

/** A file that was opened, and how long it is. Whoever asked for it owns the stream. */
export interface OpenedFile {
  readonly body: Readable;
  readonly size: number;
}

/** Read access to a tree of plain files. */
export interface LayoutFiles extends AsyncDisposable {
  /** Opens the file at a relative path; undefined when there is none. */
  open(path: string): Promise<OpenedFile | undefined>;
}

/** Serves the files of a directory. Links are followed; what is no plain file is refused, without waiting on it. */
export function directoryFiles(root: string): LayoutFiles {
  return {
    open: async (path) => {
      const file = await openIfAny(join(root, path));
      return file === undefined ? undefined : openedFile(file, join(root, path));
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

async function openIfAny(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const kind = code === 'EACCES' ? 'PERMISSION_DENIED' : 'IO_FAILED';
    throw new BuildError(kind, `cannot read ${path}: ${message}`, {
      cause: error,
      origin: 'local',
    });
  }
}

async function openedFile(file: FileHandle, path: string): Promise<OpenedFile> {
  const found = await file.stat();
  if (!found.isFile()) {
    await file.close();
    throw new BuildError('IO_FAILED', `cannot read ${path}: it is not a plain file`, {
      origin: 'local',
    });
  }
  return { body: readFileChunks(file, { expected: found.size }), size: found.size };
}
