/**
 * What is different where the result is the root file system of the container that we run in: somebody
 * else unpacked it, somebody else's things lie in it, and not all of it is ours to read.
 */

import type { ByteString } from '../../model/index.ts';
import type { RootfsEntry } from '../rootfs-entry.ts';
import type { Facts } from './node-facts.ts';

/** What is known of the container. */
export interface InPlace {
  /** The one id we have, if it is only one: what is ours becomes the owner's in the layer. */
  readonly self?: { readonly uid: number; readonly gid: number };
  /** Directories that the container's engine made: no part of a layer unless something in them is. */
  readonly scaffolding: ReadonlySet<ByteString>;
}

/** The owner that an image gives to a file: ours stand for the image's own user. */
export function imageOwner(
  { self }: InPlace,
  owner: { readonly uid: number; readonly gid: number },
  { uid, gid }: Pick<Facts, 'uid' | 'gid'>,
): { readonly uid: number; readonly gid: number } {
  if (uid !== self?.uid) return { uid, gid };
  return { uid: owner.uid, gid: gid === self.gid ? owner.gid : gid };
}

/** An entry as the container's engine unpacked it, which could do what we could not. */
export function asUnpackedByEngine(entry: RootfsEntry): RootfsEntry {
  const { absent, foreignOwner, lostXattrs, ...plain } = entry;
  return plain;
}

/** Runs an action on something; undefined where we may not: then a script with our id could not either. */
export function ifAllowed<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}
