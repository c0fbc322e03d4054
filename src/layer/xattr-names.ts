/**
 * Which extended attributes belong to an image.
 *
 * Users' attributes and file capabilities do. Labels and access lists (`system.`, `security.selinux`,
 * `trusted.`) describe the machine that a tree lies on, and attributes of overlay file systems describe
 * how it is stored: capturing them would make layers differ between machines.
 */

import type { ByteString } from '../model/index.ts';

/** Extended attributes of one entry by full name. */
export type Xattrs = ReadonlyMap<ByteString, Uint8Array>;

/** No extended attributes. */
export const noXattrs: Xattrs = new Map();

const storagePrefixes = ['user.overlay.', 'trusted.overlay.', 'user.fuseoverlayfs.'];

/** Tells whether an attribute steers a union file system; such are dropped from layers on sight. */
export function isStorageXattr(name: ByteString): boolean {
  return storagePrefixes.some((prefix) => name.startsWith(prefix));
}

/** Tells whether an attribute is put on disk and captured. */
export function isImageXattr(name: ByteString): boolean {
  return name === 'security.capability' || (name.startsWith('user.') && !isStorageXattr(name));
}

/** Tells whether two sets are the same. */
export function equalXattrs(a: Xattrs, b: Xattrs): boolean {
  if (a.size !== b.size) return false;
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}
