/**
 * What counts as a change (docs/design.md, "The canonical layer"), and which attributes a changed entry
 * gets in the layer.
 *
 * The disk is read against the index: where unpacking could not put on disk what the layers say, the
 * difference is not one of the build.
 */

import * as fs from 'node:fs';
import type { TarEntry } from '../../tar/index.ts';
import { diskMode, type IdMapping } from '../id-mapping.ts';
import type { RootfsEntry } from '../rootfs-entry.ts';
import { equalXattrs, isImageXattr, type Xattrs } from '../xattr-names.ts';
import type { InPlace } from './in-place.ts';
import type { Facts } from './node-facts.ts';

/** How entries are compared and written. */
export interface Rules {
  readonly idMapping: IdMapping;
  /** Owner of entries that are new, under a single id. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly timestamps: 'clamp' | 'preserve';
  /** Nanoseconds; the latest modification time that clamping leaves. */
  readonly epoch: bigint;
  /** For the root file system of the container that we run in. */
  readonly inPlace?: InPlace;
}

/** Times on disk come through floating-point seconds: below a microsecond there is no difference. */
const timeTolerance = 1000n;
const earlyTimeTolerance = 1_000_000n;

/** Tells whether an entry differs from the lower one in anything but its content. */
export function attributesDiffer(
  rules: Rules,
  facts: Facts,
  xattrs: Xattrs,
  lower: RootfsEntry,
): boolean {
  return (
    facts.type !== lower.type ||
    facts.size !== lower.size ||
    facts.linkName !== lower.linkName ||
    facts.deviceMajor !== lower.deviceMajor ||
    facts.deviceMinor !== lower.deviceMinor ||
    modeDiffers(rules, facts, lower) ||
    ownerDiffers(rules, facts, lower) ||
    !equalXattrs(xattrs, storedXattrs(lower)) ||
    (rules.timestamps === 'preserve' && !sameTime(facts.mtime, lower.mtime))
  );
}

function modeDiffers(rules: Rules, facts: Facts, lower: RootfsEntry): boolean {
  if (facts.type === 'symlink') return false;
  return facts.mode !== diskMode(lower.mode, facts.type === 'directory', rules.idMapping);
}

/** Tells whether an entry belongs to somebody else than the lower one. */
export function ownerDiffers(rules: Rules, facts: Facts, lower: RootfsEntry): boolean {
  if (rules.idMapping === 'single') return false;
  const [uid, gid] = lower.foreignOwner ? [0, 0] : [lower.uid, lower.gid];
  return facts.uid !== uid || facts.gid !== gid;
}

function sameTime(disk: bigint, recorded: bigint): boolean {
  const difference = disk > recorded ? disk - recorded : recorded - disk;
  return difference < (recorded < 0n ? earlyTimeTolerance : timeTolerance);
}

/** What is on disk of the attributes that the layers recorded. */
export function storedXattrs(lower: RootfsEntry): Xattrs {
  if (lower.xattrs.size === 0) return lower.xattrs;
  const lost = new Set(lower.lostXattrs);
  return new Map([...lower.xattrs].filter(([name]) => isImageXattr(name) && !lost.has(name)));
}

/** Returns what the layer says about an entry; `lower` is what existed at its path, whatever its type. */
export function describe(
  rules: Rules,
  found: { readonly facts: Facts; readonly xattrs: Xattrs; readonly isChanged: boolean },
  lower: RootfsEntry | undefined,
): Omit<TarEntry, 'path' | 'type'> {
  const { facts, xattrs } = found;
  const same = lower?.type === facts.type ? lower : undefined;
  const { size, linkName, deviceMajor, deviceMinor } = facts;
  return {
    mode: modeOf(rules, facts, same),
    ...ownerOf(rules, facts, lower),
    mtime: timeOf(rules, found, same),
    xattrs: withLost(xattrs, same),
    ...{ size, linkName, deviceMajor, deviceMinor },
  };
}

function modeOf(rules: Rules, facts: Facts, same: RootfsEntry | undefined): number {
  if (facts.type === 'symlink') return 0o777;
  return same !== undefined && !modeDiffers(rules, facts, same) ? same.mode : facts.mode;
}

function ownerOf(
  rules: Rules,
  facts: Facts,
  lower: RootfsEntry | undefined,
): { readonly uid: number; readonly gid: number } {
  if (lower !== undefined && !ownerDiffers(rules, facts, lower))
    return { uid: lower.uid, gid: lower.gid };
  return rules.idMapping === 'single' ? rules.owner : { uid: facts.uid, gid: facts.gid };
}

function timeOf(
  rules: Rules,
  found: { readonly facts: Facts; readonly isChanged: boolean },
  same: RootfsEntry | undefined,
): bigint {
  const { mtime } = found.facts;
  const known = same !== undefined && sameTime(mtime, same.mtime) ? same.mtime : mtime;
  if (rules.timestamps === 'preserve') return known;
  if (!found.isChanged && same !== undefined) return same.mtime;
  if (known > rules.epoch) return rules.epoch;
  return known;
}

/** What could not be stored on disk is still there, in a manner of speaking. */
function withLost(xattrs: Xattrs, same: RootfsEntry | undefined): Xattrs {
  const lost = same?.lostXattrs ?? [];
  if (lost.length === 0) return xattrs;
  const kept = lost.flatMap((name) => {
    const value = same?.xattrs.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return new Map([...xattrs, ...kept]);
}

const halves = { a: Buffer.alloc(2 ** 18), b: Buffer.alloc(2 ** 18) };

/** Compares the contents of two files of the same size. */
export function sameContent(a: string | Buffer, b: string | Buffer): boolean {
  const [first, second] = [fs.openSync(a, openForReading), fs.openSync(b, openForReading)];
  try {
    while (true) {
      const length = fs.readSync(first, halves.a, 0, halves.a.length, null);
      const other = fs.readSync(second, halves.b, 0, halves.b.length, null);
      if (length !== other) return false;
      if (length === 0) return true;
      if (halves.a.compare(halves.b, 0, length, 0, length) !== 0) return false;
    }
  } finally {
    fs.closeSync(first);
    fs.closeSync(second);
  }
}

/** Never blocks, never follows. */
export const openForReading =
  fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;
