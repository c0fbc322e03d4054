/**
 * A directory that is never on a disk, for secrets of one run: a tmpfs of our own below the workspace, or, where
 * nothing can be mounted, a directory in /dev/shm.
 *
 * The first is gone with the agent's mount namespace, however that ends. One in /dev/shm is named after the
 * workspace, and swept when no directory has that name any more.
 */

import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { unmount } from '../overlay.ts';
import { runTool } from '../tool.ts';

/** A private directory in memory. */
export interface MemoryDirectory extends AsyncDisposable {
  readonly path: string;
  /** Writes a file under a name of its own and returns its path. */
  write(content: Uint8Array): string;
}

const sharedMemory = '/dev/shm';
/** TMPFS_MAGIC (statfs(2)). */
const tmpfsType = 0x01021994;
const sizeLimit = '64m';

/** Opens a directory, or says why nothing here is memory. */
export async function openMemoryDirectory(
  workspace: string,
  signal: AbortSignal,
): Promise<MemoryDirectory | string> {
  const own = await mountMemory(join(workspace, 'memory'), signal);
  if (own !== undefined) return own;
  if (statfsIfAny(sharedMemory) !== tmpfsType) return `${sharedMemory} is no tmpfs`;
  sweep(workspace);
  const path = join(sharedMemory, `${prefixOf(workspace)}${basename(workspace)}`);
  mkdirSync(path, { mode: 0o700, recursive: true });
  return directoryAt(path, async () => rmSync(path, { recursive: true, force: true }));
}

async function mountMemory(
  path: string,
  signal: AbortSignal,
): Promise<MemoryDirectory | undefined> {
  mkdirSync(path, { mode: 0o700, recursive: true });
  const options = `mode=700,nosuid,nodev,noexec,size=${sizeLimit}`;
  try {
    await runTool('mount', ['-i', '-t', 'tmpfs', '-o', options, 's2oci', path], { signal });
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
  return directoryAt(path, async () => {
    await unmount(path);
    rmdirSync(path);
  });
}

function directoryAt(path: string, close: () => Promise<void>): MemoryDirectory {
  let next = 0;
  return {
    path,
    write: (content) => {
      const file = join(path, String(next++));
      writeFileSync(file, content, { mode: 0o600, flag: 'wx' });
      return file;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Removes what killed runs of the same store left. */
function sweep(workspace: string): void {
  const prefix = prefixOf(workspace);
  for (const name of readdirSync(sharedMemory)) {
    if (!name.startsWith(prefix)) continue;
    if (existsSync(join(dirname(workspace), name.slice(prefix.length)))) continue;
    rmSync(join(sharedMemory, name), { recursive: true, force: true });
  }
}

function prefixOf(workspace: string): string {
  return `s2oci-${createHash('sha256').update(dirname(workspace)).digest('hex').slice(0, 16)}-`;
}

function statfsIfAny(path: string): number | undefined {
  try {
    return statfsSync(path).type;
  } catch {
    return undefined;
  }
}
