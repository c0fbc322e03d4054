/**
 * File-system steps from which the storage is built. Each is atomic as others see it: a file appears
 * whole under its name or not at all, so a killed server leaves nothing half written.
 */

import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** How files are written. */
export interface WriteOptions {
  /** Where the file is prepared; on the file system of its final place. */
  readonly temporary: string;
  /** Waits until the content is on the disk, so that it survives a power failure. */
  readonly durable: boolean;
}

/** Replaces a file by new content in one step, creating the folders above it. */
export async function writeAtomically(
  path: string,
  content: Uint8Array | string,
  options: WriteOptions,
): Promise<void> {
  const draft = join(options.temporary, randomUUID());
  try {
    await using handle = await open(draft, 'wx', 0o644);
    await handle.writeFile(content);
    if (options.durable) await handle.datasync();
    await mkdir(dirname(path), { recursive: true });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Gives a file a second name, creating the folders above it; returns false when the file is not there. */
export async function linkFile(from: string, to: string): Promise<boolean> {
  await mkdir(dirname(to), { recursive: true });
  try {
    await link(from, to);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  return true;
}

/** Removes a file; returns false when it was not there. */
export async function removeFile(path: string): Promise<boolean> {
  return (await ifPresent(unlink(path).then(() => true))) ?? false;
}

/** Waits for a result; undefined when what it needs is not on the disk. */
export async function ifPresent<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Tells whether an error means that a path leads nowhere. */
export function isAbsent(error: unknown): boolean {
  return hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR');
}

/** Tells whether an error is the system error of that name. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
