/**
 * One entry of a stored root file system as its layers recorded it, and its line in `index.jsonl`.
 *
 * The disk cannot always hold what a layer says (devices, owners outside the id map, extended
 * attributes without privilege); the index can, and says where the two differ. Names are written with
 * one character for each byte, so that any name survives JSON.
 */

import { BuildError } from '../errors/index.ts';
import type { ByteString } from '../model/index.ts';
import type { TarEntry, TarEntryType } from '../tar/index.ts';

/** An entry of a root file system. A hard link's other attributes are those of the entry it names. */
export interface RootfsEntry extends TarEntry {
  /** The entry exists in the index only: nothing is on disk. */
  readonly absent?: boolean;
  /** The owner lies outside the id map; on disk the entry belongs to 0:0. */
  readonly foreignOwner?: boolean;
  /** Extended attributes that could not be stored on disk. */
  readonly lostXattrs?: readonly ByteString[];
  /** CRC-32 of the content of a file, by which damage is found; 0 for none, or where it is not known. */
  readonly checksum?: number;
}

const noXattrs: ReadonlyMap<ByteString, Uint8Array> = new Map();

interface Line {
  readonly path: ByteString;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size?: number;
  readonly mtime: string;
  readonly link?: ByteString;
  readonly device?: readonly [number, number];
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly absent?: true;
  readonly foreignOwner?: true;
  readonly lostXattrs?: readonly ByteString[];
  readonly checksum?: number;
}

/** Writes an entry as one line of JSON, newline included. Fields with their usual value are left out. */
export function formatEntry(entry: RootfsEntry): string {
  const { path, type, mode, uid, gid } = entry;
  const isDevice = type === 'character-device' || type === 'block-device';
  const line: Line = {
    path,
    type,
    mode,
    uid,
    gid,
    ...(entry.size === 0 ? {} : { size: entry.size }),
    mtime: entry.mtime.toString(),
    ...(entry.linkName === '' ? {} : { link: entry.linkName }),
    ...(isDevice ? { device: [entry.deviceMajor, entry.deviceMinor] } : {}),
    ...(entry.xattrs.size === 0 ? {} : { xattrs: encodeXattrs(entry.xattrs) }),
    ...(entry.absent ? { absent: true } : {}),
    ...(entry.foreignOwner ? { foreignOwner: true } : {}),
    ...(entry.lostXattrs?.length ? { lostXattrs: entry.lostXattrs } : {}),
    ...(entry.checksum ? { checksum: entry.checksum } : {}),
  };
  return `${JSON.stringify(line)}\n`;
}

/**
 * Reads what {@link formatEntry} wrote.
 *
 * @throws BuildError `STORE_DAMAGED` for anything else
 */
export function parseEntry(text: string): RootfsEntry {
  const line = parseLine(text);
  return {
    path: line.path,
    type: line.type,
    mode: line.mode,
    uid: line.uid,
    gid: line.gid,
    size: line.size ?? 0,
    mtime: BigInt(line.mtime),
    linkName: line.link ?? ('' as ByteString),
    deviceMajor: line.device?.[0] ?? 0,
    deviceMinor: line.device?.[1] ?? 0,
    xattrs: line.xattrs === undefined ? noXattrs : decodeXattrs(line.xattrs),
    ...(line.absent ? { absent: true } : {}),
    ...(line.foreignOwner ? { foreignOwner: true } : {}),
    ...(line.lostXattrs === undefined ? {} : { lostXattrs: line.lostXattrs }),
    ...(line.checksum === undefined ? {} : { checksum: line.checksum }),
  };
}

function parseLine(text: string): Line {
  try {
    const line = JSON.parse(text) as Line;
    if (typeof line.path === 'string' && typeof line.mtime === 'string') return line;
  } catch (error) {
    throw damagedIndex(error);
  }
  throw damagedIndex(undefined);
}

/** What is thrown for an index that makes no sense. */
export function damagedIndex(cause: unknown): BuildError {
  return new BuildError('STORE_DAMAGED', 'index of a stored root file system cannot be read', {
    cause,
    origin: 'local',
    suggestion: 'run `s2oci store prune` and build again: it will be unpacked anew',
  });
}

function encodeXattrs(xattrs: ReadonlyMap<ByteString, Uint8Array>): Record<string, string> {
  return Object.fromEntries(
    [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
  );
}

function decodeXattrs(xattrs: Readonly<Record<string, string>>): Map<ByteString, Uint8Array> {
  return new Map(
    Object.entries(xattrs).map(([name, value]) => [
      name as ByteString,
      Buffer.from(value, 'base64'),
    ]),
  );
}
