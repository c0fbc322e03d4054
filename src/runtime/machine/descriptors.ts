/**
 * File descriptors that a child process would inherit by accident.
 *
 * Node marks what it opens close-on-exec, but descriptors that came from the parent shell stay open and
 * reach every child (the class of CVE-2024-21626). The agent closes them once at its start; executors
 * refuse to run while any is left.
 */

import { closeSync, readdirSync, readFileSync } from 'node:fs';

const closeOnExec = 0o2000000;

/** Lists descriptors above 2 that a child process would get. */
export function inheritableDescriptors(): readonly number[] {
  return readdirSync('/proc/self/fdinfo')
    .map(Number)
    .filter((descriptor) => descriptor > 2 && isInheritable(descriptor))
    .sort((a, b) => a - b);
}

/**
 * Closes every descriptor above 2 that this process got from its parent without asking.
 * Call it once, before anything else runs; it is not for library code inside somebody's process.
 */
export function closeInheritedDescriptors(): void {
  for (const descriptor of inheritableDescriptors()) {
    try {
      closeSync(descriptor);
    } catch {
      // closed meanwhile: the list itself was read through a descriptor
    }
  }
}

function isInheritable(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(
      readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8'),
    );
    return flags?.[1] !== undefined && (Number.parseInt(flags[1], 8) & closeOnExec) === 0;
  } catch {
    return false; // the descriptor that listed the directory
  }
}
