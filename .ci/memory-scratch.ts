/**
 * Temporary files of tests in memory, each test file's for itself: tests make and remove millions of files, for which
 * a disk takes several times as long. Nothing is left, whatever becomes of a test: the memory goes with its mount
 * namespace. Only root may mount, and where memory is short the disk does.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that is empty and in memory for each command that enters it. */
export interface MemoryScratch extends Disposable {
  readonly path: string;
  /** What goes before a command line. */
  readonly enter: readonly string[];
}

/** Bytes that have to be available: what the largest tests need at the same time, and as much again. */
const enough = 12 * 2 ** 30;

const script = 'mount -t tmpfs -o mode=1777,nr_inodes=0 tmpfs "$0" && exec "$@"';

/** Makes the directory; returns undefined where that cannot be, or is not wise. */
export function openMemoryScratch(): MemoryScratch | undefined {
  if (process.getuid?.() !== 0 || availableBytes() < enough) return undefined;
  // short: names of sockets below it must not become too long
  const path = mkdtempSync(join(tmpdir(), 't'));
  const enter = ['unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', script, path];
  const scratch = { path, enter, [Symbol.dispose]: () => rmdirSync(path) };
  if (holdsAttributes(scratch)) return scratch;
  scratch[Symbol.dispose]();
  return undefined;
}

function availableBytes(): number {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

/** Overlays need attributes of users, which memory has since Linux 6.6. */
function holdsAttributes({ path, enter }: Pick<MemoryScratch, 'path' | 'enter'>): boolean {
  const [program = '', ...args] = enter;
  return spawnSync(program, [...args, 'setfattr', '-n', 'user.x', '-v', 'x', path]).status === 0;
}
