/**
 * From a header block and the extensions before it to the entry they mean together.
 *
 * Precedence is that of Go's archive/tar: header, then pax records, then GNU long names, then the name and
 * size of a sparse file. Where Go lets through what other programs read differently, the entry is refused.
 */

import { type ByteString, bufferOf } from '../model/index.ts';
import { parseDecimal, parsePaxTime } from './decimal.ts';
import { invalid, overLimit } from './fault.ts';
import type { Header } from './header.ts';
import type { TarLimits } from './limits.ts';
import type { PaxRecords } from './pax.ts';
import type { TarEntry, TarEntryType } from './types.ts';

/** What extension headers say about the entry that follows them. */
export interface Extensions {
  readonly records?: PaxRecords;
  readonly longName?: ByteString;
  readonly longLink?: ByteString;
}

/** An entry and how much of the archive after its header belongs to it. */
export interface Draft {
  readonly entry: TarEntry;
  /** Bytes after the header, less padding: a file's content, or a GNU directory listing, which is no content. */
  readonly stored: number;
}

const nothing = '' as ByteString;
const noXattrs: ReadonlyMap<ByteString, Uint8Array> = new Map();
const xattrPrefix = 'SCHILY.xattr.';
const largestId = 2 ** 32 - 2;
const largestDeviceNumber = 0o7777777;

/** Applies extensions to a header. The size of a sparse file is still its stored size. */
export function draftEntry(header: Header, extensions: Extensions): Draft {
  const records: PaxRecords = extensions.records ?? new Map();
  const text = (key: string) => records.get(key) || undefined;
  const path = extensions.longName || text('path') || header.path;
  const type = typeOf(header.flag, path);
  const isLink = type === 'symlink' || type === 'hardlink';
  const isDevice = type === 'character-device' || type === 'block-device';
  const stored = storedBytes(header, records, type);
  const entry: TarEntry = {
    path: withoutTrailingSlash(path),
    type,
    mode: permissions(header.mode),
    uid: checkId('uid', parseOptional(text('uid')) ?? header.uid),
    gid: checkId('gid', parseOptional(text('gid')) ?? header.gid),
    size: type === 'file' ? stored : 0,
    mtime: timeOf(records) ?? header.seconds * 1_000_000_000n,
    linkName: isLink ? extensions.longLink || text('linkpath') || header.linkName : nothing,
    deviceMajor: isDevice ? checkDeviceNumber(header.deviceMajor) : 0,
    deviceMinor: isDevice ? checkDeviceNumber(header.deviceMinor) : 0,
    xattrs: xattrsOf(records),
  };
  return { entry, stored };
}

function typeOf(flag: string, path: ByteString): TarEntryType {
  switch (flag) {
    case '\0':
      return path.endsWith('/') ? 'directory' : 'file';
    case '0':
    case '7':
    case 'S':
      return 'file';
    case '1':
      return 'hardlink';
    case '2':
      return 'symlink';
    case '3':
      return 'character-device';
    case '4':
      return 'block-device';
    case '5':
    case 'D':
      return 'directory';
    case '6':
      return 'fifo';
    default:
      throw invalid(`entry type 0x${flag.charCodeAt(0).toString(16)} is not known`);
  }
}

/** Links, devices, fifos and directories have no content whatever their size says; GNU directory listings do. */
function storedBytes(header: Header, records: PaxRecords, type: TarEntryType): number {
  const record = records.get('size');
  const size = record === undefined ? header.size : parseDecimal(record);
  if (size < 0) throw invalid('size is negative');
  return type === 'file' || header.flag === 'D' ? size : 0;
}

function withoutTrailingSlash(path: ByteString): ByteString {
  let end = path.length;
  while (end > 1 && path[end - 1] === '/') end--;
  return path.slice(0, end) as ByteString;
}

function permissions(mode: number): number {
  if (mode < 0) throw invalid('mode is negative');
  return mode % 0o10000;
}

function parseOptional(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDecimal(text);
}

/** 2^32 - 1 means "leave unchanged" to chown, so it is no id. */
function checkId(name: string, id: number): number {
  if (id < 0 || id > largestId) throw invalid(`${name} ${id} is out of range`);
  return id;
}

function checkDeviceNumber(number: number): number {
  if (number < 0 || number > largestDeviceNumber)
    throw invalid(`device number ${number} is out of range`);
  return number;
}

/** The times that are not kept must still be well-formed. */
function timeOf(records: PaxRecords): bigint | undefined {
  for (const key of ['atime', 'ctime']) {
    const text = records.get(key);
    if (text) parsePaxTime(text);
  }
  const text = records.get('mtime');
  return text ? parsePaxTime(text) : undefined;
}

function xattrsOf(records: PaxRecords): ReadonlyMap<ByteString, Uint8Array> {
  let xattrs: Map<ByteString, Uint8Array> | undefined;
  for (const [key, value] of records) {
    if (!key.startsWith(xattrPrefix)) continue;
    if (key.length === xattrPrefix.length) throw invalid('extended attribute has no name');
    xattrs ??= new Map();
    xattrs.set(key.slice(xattrPrefix.length) as ByteString, bufferOf(value));
  }
  return xattrs ?? noXattrs;
}

/** Throws a fault unless the names of an entry are present where they must be and within the limits. */
export function checkNames(entry: TarEntry, limits: TarLimits): void {
  if (entry.path === '') throw invalid('entry has no name');
  checkPath(entry.path, limits);
  if (entry.linkName.length > limits.pathBytes)
    throw overLimit('link target is too long', limits.pathBytes);
  const isHardLink = entry.type === 'hardlink';
  if (entry.linkName === '' && (isHardLink || entry.type === 'symlink'))
    throw invalid('link has no target');
  if (isHardLink) checkPath(entry.linkName, limits);
}

function checkPath(path: ByteString, limits: TarLimits): void {
  if (path.length > limits.pathBytes) throw overLimit('path is too long', limits.pathBytes);
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= path.length; at++) {
    if (at < path.length && path.charCodeAt(at) !== 0x2f) continue;
    if (at - start > limits.componentBytes)
      throw overLimit('path has too long a component', limits.componentBytes);
    if (at > start) depth++;
    start = at + 1;
  }
  if (depth > limits.depth) throw overLimit('path is too deep', limits.depth);
}
