/** Short ways to write layers for tests; every name and link goes into the archive as it is given. */

import {
  archive,
  type HeaderFields,
  member,
  octal,
  pax,
} from '../../../spec-fixtures/tar/builder.ts';

/** Attributes of an entry; usual ones when absent. */
export type Fields = Pick<HeaderFields, 'mode' | 'uid' | 'gid' | 'mtime'> & {
  /** Extended attributes; values are latin1. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Modification time as pax has it, such as `-1.5`. */
  readonly time?: string;
};

const usualTime = 1_500_000_000;

function entry(
  flag: string,
  name: string,
  fields: Fields,
  more: HeaderFields,
  content = '',
): Buffer {
  const { xattrs = {}, time, ...header } = fields;
  const long = name.length > 100 || (more.linkName?.length ?? 0) > 100;
  const records: (readonly [string, string])[] = [
    ...(long ? [['path', name] as const] : []),
    ...(long && more.linkName !== undefined ? [['linkpath', more.linkName] as const] : []),
    ...(time === undefined ? [] : [['mtime', time] as const]),
    ...(['uid', 'gid'] as const)
      .filter((key) => Number(fields[key] ?? 0) > 0o7777777)
      .map((key) => [key, String(fields[key])] as const),
    ...Object.entries(xattrs).map(([key, value]) => [`SCHILY.xattr.${key}`, value] as const),
  ];
  const head = { name: name.slice(0, 100), flag, mtime: usualTime, ...header, ...more };
  const block = member({ ...head, mode: octal(Number(head.mode ?? 0o644), 8) }, content);
  return records.length === 0 ? block : Buffer.concat([pax(records), block]);
}

/** A regular file. */
export const file = (name: string, content = '', fields: Fields = {}) =>
  entry('0', name, { mode: 0o644, ...fields }, {}, content);

/** A directory. */
export const dir = (name: string, fields: Fields = {}) =>
  entry('5', name, { mode: 0o755, ...fields }, {});

/** A symlink. */
export const symlink = (name: string, target: string, fields: Fields = {}) =>
  entry('2', name, { mode: 0o777, ...fields }, { linkName: target });

/** A hard link. */
export const link = (name: string, target: string, fields: Fields = {}) =>
  entry('1', name, fields, { linkName: target });

/** A FIFO. */
export const fifo = (name: string, fields: Fields = {}) => entry('6', name, fields, {});

/** A device. */
export const device = (
  name: string,
  kind: 'character' | 'block',
  [deviceMajor, deviceMinor]: readonly [number, number],
  fields: Fields = {},
) => entry(kind === 'character' ? '3' : '4', name, fields, { deviceMajor, deviceMinor });

/** A whole layer. */
export const layer = (...entries: readonly Buffer[]) => archive(...entries);
