/**
 * What owners and modes entries have on disk.
 *
 * Under a full map (or as root) the disk says what the layer says. Under a single id all files are ours:
 * owners live in the index only, and the owner bits that we need to read, list and remove our own files
 * are added, so that a process without any privilege can do it, too.
 */

/** `full`: every id of an image can own files; `single`: all files have one owner. */
export type IdMapping = 'full' | 'single';

/** Returns the permission bits that an entry with these bits has on disk. Symlinks have none of their own. */
export function diskMode(mode: number, isDirectory: boolean, mapping: IdMapping): number {
  if (mapping === 'full') return mode;
  return mode | (isDirectory ? 0o700 : 0o400);
}
