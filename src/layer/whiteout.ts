/** Whiteouts: how a layer says that something below it is gone (OCI image-spec, layer.md "Whiteouts"). */

import { BuildError } from '../errors/index.ts';
import { type ByteString, displayBytes } from '../model/index.ts';

const prefix = '.wh.';
const metaPrefix = '.wh..wh.';
const opaqueName = '.wh..wh..opq';

/** What the name of a layer's entry says. */
export type NameMeaning =
  | { readonly kind: 'entry' }
  /** The sibling of this name is gone. */
  | { readonly kind: 'whiteout'; readonly of: ByteString }
  /** All that lower layers have in the directory is gone. */
  | { readonly kind: 'opaque' }
  /** Bookkeeping of a storage driver long gone; means nothing. */
  | { readonly kind: 'ignored' };

const entry: NameMeaning = { kind: 'entry' };

/**
 * Reads the name of an entry of a layer. Only the last component can be a whiteout.
 *
 * @throws BuildError `LAYER_INVALID` for a whiteout of nothing, of `.` or of `..`
 */
export function parseWhiteout(path: ByteString): NameMeaning {
  if (!path.includes(prefix)) return entry;
  const base = path.slice(path.lastIndexOf('/') + 1) as ByteString;
  if (base === opaqueName) return { kind: 'opaque' };
  if (path.startsWith(metaPrefix) || path.includes(`/${metaPrefix}`)) return { kind: 'ignored' };
  if (!base.startsWith(prefix)) return entry;
  const of = base.slice(prefix.length) as ByteString;
  if (of !== '' && of !== '.' && of !== '..') return { kind: 'whiteout', of };
  throw new BuildError('LAYER_INVALID', `layer has a whiteout of nothing: "${displayBytes(path)}"`);
}

/** Returns the name of the whiteout of a name. */
export function whiteoutOf(name: ByteString): ByteString {
  return `${prefix}${name}` as ByteString;
}

/** Tells whether a name means a whiteout in a layer, so that no file can have it there. */
export function isReservedName(name: ByteString): boolean {
  return name.startsWith(prefix);
}
