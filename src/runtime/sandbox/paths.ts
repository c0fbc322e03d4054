/**
 * Parts of /proc and /sys that a build step must not see or change: those that are not namespaced and
 * tell about, or steer, the machine. The lists are the usual ones of container engines.
 */

import { statSync } from 'node:fs';

const masked = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/selinux',
];

/** Read-only below a /proc of our own. */
export const readOnlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** A masked path that this machine's kernel has. */
export interface MaskedPath {
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

/** Lists what is to be hidden, as far as the kernel has it. */
export function maskedPaths(): readonly MaskedPath[] {
  return masked.flatMap((path) => {
    const kind = kindOf(path);
    return kind === undefined ? [] : [{ path, kind }];
  });
}

/** Tells whether a path exists and what it is. */
export function kindOf(path: string): MaskedPath['kind'] | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  return stat.isDirectory() ? 'directory' : 'file';
}

/** Where control groups are mounted; hidden from builds, which have no business there. */
export const cgroupPath = '/sys/fs/cgroup';
