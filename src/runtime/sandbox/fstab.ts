/**
 * The mounts of the util-linux executor as fstab files (fstab(5)): one `mount -a` makes them all, and
 * paths from outside are data there, never options.
 *
 * Binds carry the flags that the kernel locked on their source; a remount that drops one is refused.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Identity, isMapped } from '../machine/identity.ts';
import type { RunMount, RunSpec } from '../ports.ts';
import { cgroupPath, kindOf, maskedPaths, readOnlyPaths } from './paths.ts';

/** The two files of one run. */
export interface MountTables {
  /** The root filesystem itself, /proc, /dev and /sys. */
  readonly first: string;
  /** Everything in them, and the mounts of the run. */
  readonly second: string;
}

/** Devices that every container has. */
export const deviceNames: readonly string[] = ['full', 'null', 'random', 'tty', 'urandom', 'zero'];

/** Writes the mount tables of a run. */
export function mountTables(
  spec: RunSpec,
  freshProc: boolean,
  identity: Identity,
  mountInfo: string = readFileSync('/proc/self/mountinfo', 'utf8'),
): MountTables {
  const at = (path: string) => join(spec.rootfs, path);
  const bindReadOnly = (path: string) => bind(path, at(path), ['ro'], mountInfo);
  const quiet = 'nosuid,nodev,noexec';
  const terminalGroup = isMapped(identity.gidMap, 5) ? ',gid=5' : '';
  // a source of its own: mount -a skips what looks mounted already, and /sys brings a tmpfs along
  const hide = (path: string) => line('hidden', at(path), 'tmpfs', `ro,${quiet},mode=755,size=4k`);
  const first = [
    line(spec.rootfs, spec.rootfs, 'none', 'rbind'),
    freshProc ? line('proc', at('/proc'), 'proc', quiet) : bindReadOnly('/proc'),
    line('tmpfs', at('/dev'), 'tmpfs', 'nosuid,mode=755,size=65536k'),
    bindReadOnly('/sys'),
  ];
  const pts = `nosuid,noexec,newinstance,ptmxmode=0666,mode=0620${terminalGroup}`;
  const second = [
    ...deviceNames.map((name) => line(`/dev/${name}`, at(`/dev/${name}`), 'none', 'bind')),
    line('devpts', at('/dev/pts'), 'devpts', `x-mount.mkdir,${pts}`),
    line('tmpfs', at('/dev/shm'), 'tmpfs', `x-mount.mkdir,${quiet},mode=1777,size=65536k`),
    line('mqueue', at('/dev/mqueue'), 'mqueue', `x-mount.mkdir,${quiet}`),
    ...(kindOf(cgroupPath) === undefined ? [] : [hide(cgroupPath)]),
    ...(freshProc ? masks(at, hide, mountInfo) : []),
    ...spec.mounts.map((mount) => renderMount(mount, at(mount.target), mountInfo)),
  ];
  return { first: first.join(''), second: second.join('') };
}

function masks(
  at: (path: string) => string,
  hide: (path: string) => string,
  mountInfo: string,
): readonly string[] {
  const hidden = maskedPaths().map(({ path, kind }) =>
    kind === 'file' ? line('/dev/null', at(path), 'none', 'bind') : hide(path),
  );
  const kept = readOnlyPaths
    .filter((path) => kindOf(path) !== undefined)
    .map((path) => bind(at(path), at(path), ['ro', 'nosuid', 'nodev', 'noexec'], mountInfo));
  return [...hidden, ...kept];
}

function renderMount(mount: RunMount, target: string, mountInfo: string): string {
  if (mount.kind === 'bind') {
    const access = mount.readOnly ? ['ro'] : [];
    return bind(mount.source, target, ['nosuid', 'nodev', ...access], mountInfo);
  }
  const size = mount.sizeBytes === undefined ? '' : `,size=${mount.sizeBytes}`;
  const mode = (mount.mode ?? 0o755).toString(8);
  return line('tmpfs', target, 'tmpfs', `nosuid,nodev,mode=${mode}${size}`);
}

function bind(
  source: string,
  target: string,
  options: readonly string[],
  mountInfo: string,
): string {
  const all = new Set(['rbind', ...lockedFlags(source, mountInfo), ...options]);
  return line(source, target, 'none', [...all].join());
}

const lockable = new Set(['nosuid', 'nodev', 'noexec', 'ro', 'noatime', 'nodiratime', 'relatime']);

/** The flags of the mount that a path lies on (proc(5), /proc/PID/mountinfo). */
function lockedFlags(path: string, mountInfo: string): readonly string[] {
  let best = { length: -1, flags: '' };
  for (const text of mountInfo.split('\n')) {
    const [, , , , point = '', flags = ''] = text.split(' ');
    const place = point.replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    const covers = place === '/' || path === place || path.startsWith(`${place}/`);
    if (covers && place !== '' && place.length >= best.length) {
      best = { length: place.length, flags };
    }
  }
  return best.flags.split(',').filter((flag) => lockable.has(flag));
}

function line(source: string, target: string, type: string, options: string): string {
  return `${escaped(source)} ${escaped(target)} ${type} ${options} 0 0\n`;
}

/** White space, backslashes and comment signs are written as octal numbers. */
function escaped(text: string): string {
  return text.replace(
    /[\s\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
