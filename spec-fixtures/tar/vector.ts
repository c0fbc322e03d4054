/** What a vector is: an archive and its one meaning. */

/** What an entry must come out as; fields that are absent are not compared. */
export interface ExpectedEntry {
  readonly path: string;
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly mtime?: bigint;
  readonly linkName?: string;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly xattrs?: Readonly<Record<string, string>>;
  readonly content?: string;
}

/** An archive and what it means: its entries, or the code it is refused with. */
export interface Vector {
  readonly name: string;
  readonly build: () => Buffer;
  readonly expect: readonly ExpectedEntry[] | 'TAR_INVALID' | 'LIMIT_EXCEEDED';
}

/** Makes a vector that must be refused as no valid archive. */
export function refused(name: string, build: () => Buffer): Vector {
  return { name, build, expect: 'TAR_INVALID' };
}
