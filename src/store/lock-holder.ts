/** Finds out who holds a lock, from the kernel's own list (proc(5), /proc/locks). */

import { readFile, stat } from 'node:fs/promises';
import { displayText } from '../model/index.ts';

/**
 * Describes the holder of the POSIX lock on a file for a message; never throws. Holders in other pid
 * namespaces are not listed to us, and those on other machines not at all.
 */
export async function describeHolder(path: string): Promise<string> {
  const pid = await holderOf(path).catch(() => undefined);
  if (pid === undefined) {
    return 'a process that cannot be seen from here (in another container or on another machine)';
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const shown = displayText(command.replaceAll('\0', ' ').trim().slice(0, 120));
  return shown === '' ? `process ${pid}` : `process ${pid} (${shown})`;
}

async function holderOf(path: string): Promise<number | undefined> {
  const { ino } = await stat(path, { bigint: true });
  for (const line of (await readFile('/proc/locks', 'utf8')).split('\n')) {
    // 1: POSIX  ADVISORY  WRITE 4711 fe:00:9977999 1073741824 1073742335
    const [, kind, , , pid, file] = line.split(/\s+/);
    if (kind !== 'POSIX' || !file?.endsWith(`:${ino}`)) continue;
    if (Number(pid) > 0) return Number(pid);
  }
  return undefined;
}
