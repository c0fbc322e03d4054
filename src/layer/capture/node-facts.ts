/** What the disk says about one entry, reduced to what a layer can say. */

import * as fs from 'node:fs';
import type { ByteString } from '../../model/index.ts';
import type { TarEntryType } from '../../tar/index.ts';

/** Facts of one entry. Sockets and overlay whiteouts are no entries of a layer. */
export interface Facts {
  readonly type: TarEntryType | 'socket' | 'whiteout';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 unless a file. */
  readonly size: number;
  readonly mtime: bigint;
  readonly linkName: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Identifies the inode when the file has other names; undefined when it has none. */
  readonly inode: string | undefined;
}

/** Reads the facts of what is at a path; undefined when nothing is. */
export function readFacts(path: string | Buffer): Facts | undefined {
  const stat = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const type = typeOf(stat);
  const isDevice = type === 'character-device' || type === 'block-device';
  const isLinked = stat.nlink > 1n && type !== 'directory';
  return {
    type,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: type === 'file' ? Number(stat.size) : 0,
    mtime: stat.mtimeNs,
    linkName: (type === 'symlink' ? fs.readlinkSync(path, 'latin1') : '') as ByteString,
    deviceMajor: isDevice ? majorOf(stat.rdev) : 0,
    deviceMinor: isDevice ? minorOf(stat.rdev) : 0,
    inode: isLinked ? `${stat.dev}:${stat.ino}` : undefined,
  };
}

function typeOf(stat: fs.BigIntStats): Facts['type'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isBlockDevice()) return 'block-device';
  if (stat.isSocket()) return 'socket';
  return stat.rdev === 0n ? 'whiteout' : 'character-device';
}

/** The kernel's encoding of device numbers in 64 bits (glibc, gnu_dev_major). */
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));
}
