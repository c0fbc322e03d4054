/**
 * What a run without mounts gets instead: files copied to where they would be mounted, and taken away
 * again with everything as it was.
 */

import {
  chmodSync,
  copyFileSync,
  existsSync,
  lchownSync,
  lstatSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import type { RunMount } from '../ports.ts';

/**
 * Puts copies in the place of read-only file mounts and empties nothing else.
 *
 * @returns what takes them away again, or in words why a mount cannot be stood in for
 */
export function placeStandIns(
  rootfs: string,
  mounts: readonly RunMount[],
  keep: string,
): Disposable | string {
  const odd = mounts.find((mount) => !canStandIn(mount));
  if (odd?.kind === 'bind' && odd.confidential === true) {
    return `${odd.target} is a secret, and without mounts it would have to be copied to the disk`;
  }
  if (odd !== undefined) {
    return `${odd.target} cannot be mounted here, and only read-only files can be copied in its place`;
  }
  const undo = mounts.map((mount, index) => placeOne(rootfs, mount, join(keep, `kept-${index}`)));
  return {
    [Symbol.dispose]: () => {
      for (const restoreOne of undo.reverse()) restoreOne();
    },
  };
}

function canStandIn(mount: RunMount): boolean {
  if (mount.kind === 'tmpfs') return true;
  return mount.readOnly && mount.confidential !== true && statSync(mount.source).isFile();
}

function placeOne(rootfs: string, mount: RunMount, kept: string): () => void {
  const target = join(rootfs, mount.target);
  if (mount.kind === 'tmpfs') return () => emptyDirectory(target);
  const before = lstatSync(target);
  copyFileSync(target, kept);
  copyFileSync(mount.source, target);
  chmodSync(target, 0o444);
  return () => restore(target, kept, before);
}

/** Makes the file what it was, whatever the process made of it: a mount would not have let it. */
function restore(target: string, kept: string, before: Stats): void {
  rmSync(target, { recursive: true, force: true });
  copyFileSync(kept, `${target}.s2oci`);
  lchownSync(`${target}.s2oci`, before.uid, before.gid);
  chmodSync(`${target}.s2oci`, before.mode & 0o7777);
  utimesSync(`${target}.s2oci`, before.atime, before.mtime);
  renameSync(`${target}.s2oci`, target);
}

function emptyDirectory(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    rmSync(join(directory, name), { recursive: true, force: true });
  }
}
