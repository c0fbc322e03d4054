/** Reads small files of a root file system, resolved as the container would. */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { resolveInRoot } from '../../layer/index.ts';
import type { FileFacts } from '../protocol.ts';

/**
 * Returns facts about each path, undefined where nothing is. Never blocks on a FIFO and never opens a
 * device; at most `limit` bytes of a regular file are read.
 */
export function readFiles(
  root: string,
  paths: readonly string[],
  limit: number,
): (FileFacts | undefined)[] {
  return paths.map((path) => readFile(root, path, limit));
}

function readFile(root: string, path: string, limit: number): FileFacts | undefined {
  let fd: number;
  try {
    const resolved = resolveInRoot(root, path, { makeDirectories: false });
    fd = openSync(resolved.path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(fd);
    const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
    const head = Buffer.alloc(kind === 'file' ? Math.min(limit, stat.size) : 0);
    const length = head.length === 0 ? 0 : readSync(fd, head, 0, head.length, 0);
    return { kind, mode: stat.mode & 0o7777, size: stat.size, head: head.subarray(0, length) };
  } finally {
    closeSync(fd);
  }
}
