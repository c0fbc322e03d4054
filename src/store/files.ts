/**
 * Durable file operations: what is visible under its name is whole, also after power loss.
 * Write to another name, fsync, rename, fsync the directory.
 */

import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  chmod,
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  statfs,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { asBuildError, BuildError } from '../errors/index.ts';

/** Removes a directory tree, also one whose files belong to subordinate ids. */
export type RemoveTree = (path: string) => Promise<void>;

/** Returns a fresh name of 16 hexadecimal characters. */
export function randomName(): string {
  return randomBytes(8).toString('hex');
}

/** Looks at a path without following links; undefined when there is nothing. */
export async function lstatIfAny(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

/**
 * Opens a regular file for reading; a link or anything else gives undefined. Never blocks, whatever lies there.
 */
export async function openRegularFile(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP' || error.code === 'ENXIO') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}

/**
 * Makes a directory and those above it, unless they are there. Node's own recursive mkdir never comes back
 * where the kernel denies an entry that its parent seems to allow, as in /proc.
 */
export async function makeDirectories(path: string, mode = 0o777): Promise<void> {
  const make = () =>
    mkdir(path, { mode }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  try {
    await make();
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw error;
    await makeDirectories(parent);
    await make();
  }
}

/** Makes the entries of a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** How a small file is written. */
export interface AtomicOptions {
  /** Exact permissions; as the umask has them when absent. */
  readonly mode?: number;
  /** Leaves what is there as it is, and rejects with `EEXIST`. */
  readonly isNew?: boolean;
}

/**
 * Puts a small file under its name, replacing what was there, so that readers see the old or the new
 * content and nothing else.
 */
export async function writeAtomically(
  path: string,
  content: Uint8Array | string,
  { mode, isNew = false }: AtomicOptions = {},
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomName()}`);
  try {
    const file = await open(temporary, 'wx', mode ?? 0o666);
    try {
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(content);
      await file.datasync();
    } finally {
      await file.close();
    }
    await (isNew ? link(temporary, path) : rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (isNew) await unlink(temporary);
  await syncDirectory(dirname(path));
}

/** Moves whatever lies at `path` into `directory` under a fresh name; undefined when nothing lay there. */
export async function moveAside(path: string, directory: string): Promise<string | undefined> {
  const target = join(directory, `${basename(path)}.${randomName()}`);
  try {
    await rename(path, target);
    return target;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes a plain file if it is there. */
export async function unlinkIfAny(path: string): Promise<void> {
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** Removes a tree that belongs to this user, whatever modes its directories have. */
export async function removeOwnTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    await openDirectories(path);
    await rm(path, { recursive: true, force: true });
  }
}

async function openDirectories(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openDirectories(join(path, entry.name));
  }
}

/**
 * Turns what a file operation threw into a BuildError that says what was being done. Errors that already
 * are one, and reasons of aborted signals, pass.
 *
 * @param needed bytes that were still to be written, for the message about a full disk
 */
export async function fileError(
  thrown: unknown,
  doing: string,
  where: string,
  needed?: number,
): Promise<unknown> {
  if (thrown instanceof BuildError) return thrown;
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (typeof code !== 'string' || code.startsWith('ERR_') || code === 'ABORT_ERR') return thrown;
  const mapped = asBuildError(thrown);
  const kind = mapped.code === 'INTERNAL' ? 'IO_FAILED' : mapped.code;
  const { text, details } =
    kind === 'NO_SPACE' ? await describeSpace(where, needed) : { text: message, details: {} };
  return new BuildError(kind, `${doing}: ${text}`, {
    cause: thrown,
    origin: 'local',
    details,
    ...(mapped.suggestion === undefined ? {} : { suggestion: mapped.suggestion }),
  });
}

async function describeSpace(
  where: string,
  needed: number | undefined,
): Promise<{ text: string; details: Record<string, number> }> {
  const { bavail, bsize } = await statfs(where).catch(() => ({ bavail: 0, bsize: 0 }));
  const freeBytes = bavail * bsize;
  const need = needed === undefined ? '' : `${needed} more bytes are needed, `;
  return {
    text: `no space left: ${need}${freeBytes} are free in ${where}`,
    details: { freeBytes, ...(needed === undefined ? {} : { neededBytes: needed }) },
  };
}
