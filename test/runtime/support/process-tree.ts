/** Finds processes by what is in their environment or arguments, for tests that look for leftovers. */

import { readdirSync, readFileSync } from 'node:fs';

/** Command lines of living processes that carry a mark in their arguments. */
export function processesMarked(mark: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map((pid) => readOr(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim())
    .filter((commandLine) => commandLine.includes(mark));
}

/** Waits until no process carries a mark; returns those left after a time. */
export async function processesLeft(mark: string, milliseconds = 5000): Promise<readonly string[]> {
  const end = performance.now() + milliseconds;
  while (processesMarked(mark).length > 0 && performance.now() < end) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  return processesMarked(mark);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
