/** What an archive holds, independent of how headers spell it (POSIX.1-2017 pax; GNU tar manual). */

import type { ByteString } from '../model/index.ts';

/** The kinds of entry that layers are made of. */
export type TarEntryType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'hardlink'
  | 'character-device'
  | 'block-device'
  | 'fifo';

/** One entry of an archive. */
export interface TarEntry {
  /** As in the archive, less a trailing slash; not cleaned, not made relative. */
  readonly path: ByteString;
  readonly type: TarEntryType;
  /** Permission bits including setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content as a reader sees them (holes of sparse files included); 0 unless a file. */
  readonly size: number;
  /** Nanoseconds since the epoch; may be negative. */
  readonly mtime: bigint;
  /** Target of a symlink or hardlink; empty for other types. */
  readonly linkName: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Extended attributes by full name (`security.capability`); values are bytes. */
  readonly xattrs: ReadonlyMap<ByteString, Uint8Array>;
}

/** Receives an archive in order. `data` is called any number of times between an `entry` of type file and the next. */
export interface TarHandler {
  entry(entry: TarEntry): void;
  /** The chunk is only valid during the call. Holes of sparse files arrive through `hole` when it exists, else as zeros. */
  data(chunk: Uint8Array): void;
  hole?(length: number): void;
}
