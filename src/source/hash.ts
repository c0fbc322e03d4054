/**
 * Digests of everything of a source that a build can see: names, kinds, permissions as the build sets them, contents and
 * link targets of what is not left out. Owners and times do not count, since the build sets them.
 *
 * Small files are read synchronously, between turns of the event loop: that is several times faster than streams.
 */

import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { asBuildError } from '../errors/index.ts';
import {
  type ByteString,
  bufferOf,
  byteStringOf,
  type Digest,
  finishDigest,
} from '../model/index.ts';
import { compileIgnore, type IgnoreMatcher } from './ignore/rules.ts';
import type { SourceTree } from './types.ts';

/** One entry of a source. */
export interface HashedEntry {
  /** Relative to the source. */
  readonly path: ByteString;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permissions and content, or the link's target. */
  readonly value: string;
}

/** A source as it was when it was hashed. */
export interface HashedSource {
  /** In the order of a walk by the bytes of names, directories before what they hold. */
  readonly entries: readonly HashedEntry[];
  /** Changes with every write to the source, also one that leaves it the same: see {@link stampSource}. */
  readonly stamp: Digest;
}

type HashableSource = Pick<SourceTree, 'path' | 'ignore'>;

const entriesAtOnce = 100;

/**
 * Hashes a source as it is now. Sockets, fifos and devices do not count: no build takes them.
 *
 * @throws BuildError of the disk for what cannot be read; the reason of the signal
 */
export async function hashSource(
  source: HashableSource,
  signal?: AbortSignal,
): Promise<HashedSource> {
  const reader = new FileHasher();
  const entries: HashedEntry[] = [];
  const stamp = await walk(source, signal, (path, stat, place) => {
    const entry = hashEntry(path, stat, place, reader);
    if (entry !== undefined) entries.push(entry);
  });
  return { entries, stamp };
}

/**
 * Computes the stamp of a source without reading files: equal to that of {@link hashSource} as long as nothing in the
 * source has been written to.
 */
export function stampSource(source: HashableSource, signal?: AbortSignal): Promise<Digest> {
  return walk(source, signal, () => {});
}

type Visit = (path: ByteString, stat: fs.BigIntStats, place: Buffer) => void;

/** Goes through what is not left out and returns the stamp: which files these are, and when they were last changed. */
async function walk(
  source: HashableSource,
  signal: AbortSignal | undefined,
  visit: Visit,
): Promise<Digest> {
  const root = byteStringOf(source.path);
  const matcher = compileIgnore(source.ignore);
  const stamp = createHash('sha256');
  const pending: ByteString[] = ['' as ByteString];
  let count = 0;
  try {
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      if (++count % entriesAtOnce === 0) await setImmediate();
      signal?.throwIfAborted();
      const place = bufferOf(`${root}${path === '' ? '' : '/'}${path}` as ByteString);
      const stat = fs.lstatSync(place, { bigint: true });
      stamp.update(
        `${path.length}:${path}${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}\n`,
      );
      if (path !== '') visit(path, stat, place);
      if (stat.isDirectory()) pending.push(...childrenOf(path, place, matcher));
    }
    return finishDigest(stamp);
  } catch (error) {
    throw signal?.aborted ? signal.reason : asBuildError(error);
  }
}

/** The children that are not left out, last first, as a stack takes them. */
function childrenOf(
  path: ByteString,
  place: Buffer,
  matcher: IgnoreMatcher,
): readonly ByteString[] {
  const entries = fs.readdirSync(place, { withFileTypes: true, encoding: 'latin1' as 'utf8' });
  return entries
    .map((entry) => ({
      entry,
      child: `${path}${path === '' ? '' : '/'}${entry.name}` as ByteString,
    }))
    .filter(({ entry, child }) =>
      entry.isDirectory() ? !matcher.prunes(child) : !matcher.ignores(child, false),
    )
    .map(({ child }) => child)
    .sort()
    .reverse();
}

function hashEntry(
  path: ByteString,
  stat: fs.BigIntStats,
  place: Buffer,
  reader: FileHasher,
): HashedEntry | undefined {
  // What `placeTree` makes of permissions, so that checkouts under different umasks are the same source.
  const mode = (Number(stat.mode) & 0o755).toString(8);
  if (stat.isDirectory()) return { path, kind: 'directory', value: mode };
  if (stat.isSymbolicLink())
    return { path, kind: 'symlink', value: fs.readlinkSync(place, 'latin1') };
  if (!stat.isFile()) return undefined;
  return { path, kind: 'file', value: `${mode} ${reader.hash(place)}` };
}

/** Hashes files one after the other through one buffer. */
class FileHasher {
  readonly #buffer = Buffer.allocUnsafe(2 ** 18);

  hash(place: Buffer): string {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
    const file = fs.openSync(place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const content = createHash('sha256');
    try {
      for (;;) {
        const length = fs.readSync(file, this.#buffer, 0, this.#buffer.length, null);
        if (length === 0) return content.digest('hex');
        content.update(this.#buffer.subarray(0, length));
      }
    } finally {
      fs.closeSync(file);
    }
  }
}
