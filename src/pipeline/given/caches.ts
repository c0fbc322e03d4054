/** `--cache`: a directory that the scripts of many builds share, and no image holds. */

import type { MountRequest } from '../../agent/index.ts';
import type { CacheSharing } from '../../store/index.ts';
import {
  type GivenOwnership,
  ownershipKeys,
  parseFields,
  parseOwnership,
  parseTarget,
  refused,
} from './fields.ts';

/** A cache as it was asked for. */
export interface GivenCache extends GivenOwnership {
  readonly id: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly sharing: CacheSharing;
}

const sharings: readonly CacheSharing[] = ['shared', 'private', 'locked'];
const defaultMode = 0o755;

/**
 * Parses `target=PATH[,id=ID][,sharing=shared|private|locked][,uid=N][,gid=N][,mode=OCTAL]`.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function parseCache(text: string): GivenCache {
  const fields = parseFields('--cache', text, ['id', 'target', 'sharing', ...ownershipKeys], {
    dst: 'target',
    destination: 'target',
  });
  const target = parseTarget('--cache', text, fields.target ?? '');
  const sharing = sharings.find((one) => one === (fields.sharing ?? 'shared'));
  if (sharing === undefined) {
    throw refused('--cache', text, `sharing is one of ${sharings.join(', ')}`);
  }
  const { id = target } = fields;
  if (id === '' || id.length > 1024) throw refused('--cache', text, 'its id is empty or too long');
  return { id, target, sharing, ...parseOwnership('--cache', text, fields) };
}

/** How a cache is mounted for a user. */
export function mountCache(
  { id, target, sharing, ...given }: GivenCache,
  user: { readonly uid: number; readonly gid: number },
): MountRequest {
  const { uid = user.uid, gid = user.gid, mode = defaultMode } = given;
  return { kind: 'cache', id, target, sharing, readOnly: false, owner: { uid, gid }, mode };
}
