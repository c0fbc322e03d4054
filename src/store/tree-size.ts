/** The disk space of a directory tree. */

import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Returns the bytes that a tree takes on the disk, hard links counted once. What may not be read counts
 * as nothing, so the result is a lower bound for trees of other ids.
 */
export async function treeSize(root: string): Promise<number> {
  const seen = new Set<string>();
  const pending = [root];
  let bytes = 0;
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined || isCounted(seen, found)) continue;
    bytes += found.blocks * 512;
    if (!found.isDirectory()) continue;
    const names = await readdir(path).catch(() => []);
    for (const name of names) pending.push(join(path, name));
  }
  return bytes;
}

function isCounted(seen: Set<string>, { nlink, dev, ino }: Stats): boolean {
  if (nlink === 1) return false;
  const identity = `${dev}:${ino}`;
  if (seen.has(identity)) return true;
  seen.add(identity);
  return false;
}
