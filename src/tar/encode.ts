/**
 * The canonical form of an entry: one ustar header, and before it a pax header with only what ustar cannot
 * say, records in byte order of their keys. A pure function of the entry: the same entry, the same bytes.
 *
 * No user or group names, no access or change times. Reading the bytes gives the entry back, less what means
 * nothing to its type (the link name of a file, the device numbers of anything but a device).
 */

import { BuildError } from '../errors/index.ts';
import { byteStringFrom } from '../model/index.ts';
import { formatPaxTime } from './decimal.ts';
import { quoteName } from './fault.ts';
import { blockSize, paddingLength } from './fields.ts';
import { defaultTarLimits } from './limits.ts';
import type { TarEntry, TarEntryType } from './types.ts';
import {
  fitsOctal,
  fitsText,
  placeholder,
  splitPath,
  type UstarFields,
  ustarHeader,
} from './ustar.ts';

/** The two zero blocks that end an archive. */
export const endOfArchive: Uint8Array = Buffer.alloc(2 * blockSize);

const zeroBlock = Buffer.alloc(blockSize);
const nanosecondsPerSecond = 1_000_000_000n;
const largestId = 2 ** 32 - 2;

const flags: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
};

/** Returns the zeros that follow content of this size. */
export function paddingOf(size: number): Uint8Array {
  return zeroBlock.subarray(0, paddingLength(size));
}

/**
 * Returns the header blocks of an entry. A file's content follows them, then {@link paddingOf} its size.
 *
 * @throws BuildError `TAR_INVALID` when no archive can say it: an empty name, a NUL byte or a final slash in a
 * name, an id or device number out of range, an extended attribute with `=` in its name; `LIMIT_EXCEEDED`
 * when its extended attributes are larger than readers accept
 */
export function encodeEntry(entry: TarEntry): Buffer {
  checkEntry(entry);
  const { type } = entry;
  const isLink = type === 'symlink' || type === 'hardlink';
  const isDevice = type === 'character-device' || type === 'block-device';
  const path = type === 'directory' && !entry.path.endsWith('/') ? `${entry.path}/` : entry.path;
  const linkName = isLink ? entry.linkName : '';
  const split = splitPath(path);
  const seconds = Number(entry.mtime / nanosecondsPerSecond);
  const header = ustarHeader({
    prefix: split?.prefix ?? '',
    name: split?.name ?? placeholder(path),
    mode: entry.mode,
    uid: orZero(entry.uid, 8),
    gid: orZero(entry.gid, 8),
    size: orZero(entry.size, 12),
    mtime: orZero(seconds, 12),
    flag: flags[type],
    linkName: fitsText(linkName) ? linkName : placeholder(linkName),
    deviceMajor: isDevice ? entry.deviceMajor : 0,
    deviceMinor: isDevice ? entry.deviceMinor : 0,
  });
  const records = recordsOf(entry, linkName);
  if (split === undefined) records.set('path', path);
  return records.size === 0 ? header : Buffer.concat([...paxHeader(records, entry), header]);
}

function orZero(value: number, fieldLength: number): number {
  return fitsOctal(value, fieldLength) ? value : 0;
}

/** The records that the ustar header leaves unsaid, but for the path. */
function recordsOf(entry: TarEntry, linkName: string): Map<string, string> {
  const records = new Map<string, string>();
  if (!fitsText(linkName)) records.set('linkpath', linkName);
  if (!fitsOctal(entry.uid, 8)) records.set('uid', String(entry.uid));
  if (!fitsOctal(entry.gid, 8)) records.set('gid', String(entry.gid));
  if (!fitsOctal(entry.size, 12)) records.set('size', String(entry.size));
  if (!isWholeSecond(entry.mtime)) records.set('mtime', formatPaxTime(entry.mtime));
  for (const [name, value] of entry.xattrs)
    records.set(`SCHILY.xattr.${name}`, byteStringFrom(value));
  return records;
}

function isWholeSecond(time: bigint): boolean {
  return time % nanosecondsPerSecond === 0n && fitsOctal(Number(time / nanosecondsPerSecond), 12);
}

function paxHeader(records: ReadonlyMap<string, string>, entry: TarEntry): Buffer[] {
  const sorted = [...records].sort(([a], [b]) => (a < b ? -1 : 1));
  const content = Buffer.from(sorted.map(formatRecord).join(''), 'latin1');
  if (content.length > defaultTarLimits.extensionBytes)
    throw refuse('LIMIT_EXCEEDED', entry, 'its extended attributes and names take more than 1 MiB');
  const header: UstarFields = {
    prefix: '',
    name: '././@PaxHeader',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: content.length,
    mtime: 0,
    flag: 'x',
    linkName: '',
    deviceMajor: 0,
    deviceMinor: 0,
  };
  return [ustarHeader(header), content, Buffer.from(paddingOf(content.length))];
}

/** "LENGTH KEY=VALUE\n", where LENGTH counts its own digits too. */
function formatRecord([key, value]: readonly [string, string]): string {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function checkEntry(entry: TarEntry): void {
  const reason = nameProblem(entry) ?? numberProblem(entry) ?? xattrProblem(entry);
  if (reason !== undefined) throw refuse('TAR_INVALID', entry, reason);
}

function nameProblem(entry: TarEntry): string | undefined {
  if (entry.path === '') return 'it has no name';
  if (entry.path.includes('\0')) return 'its name has a NUL byte';
  if (entry.type !== 'directory' && entry.path.endsWith('/')) return 'its name ends in a slash';
  if (entry.type !== 'symlink' && entry.type !== 'hardlink') return undefined;
  if (entry.linkName === '') return 'it has no link target';
  return entry.linkName.includes('\0') ? 'its link target has a NUL byte' : undefined;
}

function numberProblem(entry: TarEntry): string | undefined {
  const { mode, uid, gid, size, mtime, deviceMajor, deviceMinor } = entry;
  if (!fitsOctal(mode, 5)) return `mode ${mode} is out of range`;
  for (const id of [uid, gid])
    if (!Number.isInteger(id) || id < 0 || id > largestId) return `id ${id} is out of range`;
  if (!Number.isSafeInteger(size) || size < 0) return `size ${size} is out of range`;
  if (size !== 0 && entry.type !== 'file') return `a ${entry.type} has no content`;
  const seconds = mtime / nanosecondsPerSecond;
  if (BigInt.asIntN(64, seconds) !== seconds) return 'its time is out of range';
  for (const number of [deviceMajor, deviceMinor])
    if (!fitsOctal(number, 8)) return `device number ${number} is out of range`;
  return undefined;
}

function xattrProblem(entry: TarEntry): string | undefined {
  for (const name of entry.xattrs.keys())
    if (name === '' || /[=\0]/.test(name))
      return `an archive cannot hold its extended attribute ${quoteName(name)}`;
  return undefined;
}

function refuse(code: 'TAR_INVALID' | 'LIMIT_EXCEEDED', entry: TarEntry, why: string): BuildError {
  return new BuildError(code, `writing ${quoteName(entry.path)} to an archive failed: ${why}`);
}
