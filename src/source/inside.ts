/**
 * Reading below the root of a source and never outside of it, whatever links the source holds.
 */

import { constants } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';

/**
 * Returns the real path of a directory of the source.
 *
 * @param root the real path of the source
 * @throws BuildError `SOURCE_INVALID` when it is missing or no directory, `PATH_UNSAFE` when it lies outside
 */
export async function resolveContextDir(
  root: string,
  contextDir: string | undefined,
): Promise<string> {
  if (contextDir === undefined) return root;
  const real = await realpathInside(root, contextDir);
  if (real !== undefined && (await lstat(real)).isDirectory()) return real;
  const what = real === undefined ? 'does not exist in the source' : 'is not a directory';
  throw new BuildError('SOURCE_INVALID', `context directory ${displayText(contextDir)} ${what}`, {
    origin: 'source',
    suggestion: 'check --context-dir, and --ref if the directory is only on some branches',
  });
}

/**
 * Reads a regular file of the source; returns undefined when there is none.
 *
 * @param root the real path of the source
 * @throws BuildError `PATH_UNSAFE` when it lies outside or is no regular file, `LIMIT_EXCEEDED`
 */
export async function readSourceFile(
  root: string,
  path: string,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const real = await realpathInside(root, path);
  if (real === undefined) return undefined;
  // Not blocking: a fifo would otherwise wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  await using file = await open(real, flags);
  const facts = await file.stat();
  if (!facts.isFile()) throw unsafe(path, 'is not a regular file');
  const buffer = Buffer.alloc(Math.min(facts.size, maxBytes) + 1);
  let length = 0;
  for (let read = -1; read !== 0 && length < buffer.length; length += read) {
    read = (await file.read(buffer, length, buffer.length - length)).bytesRead;
  }
  if (length <= maxBytes) return buffer.subarray(0, length);
  throw new BuildError('LIMIT_EXCEEDED', `${displayText(path)} is larger than ${maxBytes} bytes`, {
    origin: 'source',
  });
}

/** Undefined when the path does not exist; a broken link does not exist either. */
async function realpathInside(root: string, path: string): Promise<string | undefined> {
  let real: string;
  try {
    real = await realpath(join(root, path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw unsafe(path, 'is a loop of links');
    throw error;
  }
  if (real === root || real.startsWith(root === '/' ? '/' : `${root}/`)) return real;
  throw unsafe(path, 'leads out of the source');
}

function unsafe(path: string, why: string): BuildError {
  return new BuildError('PATH_UNSAFE', `${displayText(path)} ${why}`, { origin: 'source' });
}
