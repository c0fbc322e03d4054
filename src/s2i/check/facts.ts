/** What a check of a builder image looks at, and what it answers. */

import type { ExecutionConfig } from '../../model/index.ts';
import type { BuilderContract } from '../contract.ts';
import type { ResolvedUser } from '../user.ts';

/** A file of an image, as the layers recorded it. */
export interface ImageFile {
  readonly kind: 'file' | 'directory' | 'other';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The first bytes of a regular file. */
  readonly head: Uint8Array;
}

/** Looks at files of an image, by absolute paths and through its own symbolic links. */
export type LookAt = (path: string) => Promise<ImageFile | undefined>;

/** An image that is checked. */
export interface CheckedImage {
  readonly execution: ExecutionConfig;
  readonly architecture: string;
  /** Sizes of the compressed layers. */
  readonly layerSizes: readonly number[];
  /** Absent when its labels cannot be understood. */
  readonly contract?: BuilderContract;
  /** The user of assemble; absent when the image does not have the one it names. */
  readonly user?: ResolvedUser;
  readonly lookAt: LookAt;
}

/** One thing that was looked at. */
export interface CheckFinding {
  /** Short and stable, such as `assemble` or `user`. */
  readonly id: string;
  /** `fail`: builds with this image cannot work. `warn`: they work here, but not everywhere or not well. */
  readonly status: 'pass' | 'warn' | 'fail';
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** A finding that all is well. */
export function pass(id: string, detail: string): CheckFinding {
  return { id, status: 'pass', detail };
}

/** A finding of something that does not work everywhere. */
export function warn(id: string, detail: string, fix: string): CheckFinding {
  return { id, status: 'warn', detail, fix };
}

/** A finding of something that breaks the contract. */
export function fail(id: string, detail: string, fix: string): CheckFinding {
  return { id, status: 'fail', detail, fix };
}

/** The permission bits of a file. */
export const permissions = { read: 4, write: 2, execute: 1 } as const;

/** Tells whether a user has a permission on a file, by the file's own bits. */
export function mayUse(
  { uid, gid, additionalGids }: Pick<ResolvedUser, 'uid' | 'gid' | 'additionalGids'>,
  file: ImageFile,
  permission: number,
): boolean {
  if (uid === 0) return permission !== permissions.execute || (file.mode & 0o111) !== 0;
  if (uid === file.uid) return ((file.mode >> 6) & permission) !== 0;
  const inGroup = [gid, ...additionalGids].includes(file.gid);
  return (((inGroup ? file.mode >> 3 : file.mode) & permission) as number) !== 0;
}
