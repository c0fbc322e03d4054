/** Describes trees as text, entry by entry, with nothing of the code under test. */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';

/** One line of facts for each path, the top directory included as the empty path. Names are latin1. */
export type Snapshot = ReadonlyMap<string, string>;

/** Which facts are of interest. */
export interface SnapshotOptions {
  /** Leaves out modification times, or rounds them: on disk they are not exact to the microsecond. */
  readonly times?: false | 'seconds';
  /** Leaves out owners. */
  readonly owners?: boolean;
}

/** Describes everything below a directory: type, mode, owner, size, time, link target, content, links, xattrs. */
export function snapshot(top: string, options: SnapshotOptions = {}): Snapshot {
  const facts = new Map<string, string>();
  const inodes = new Map<bigint, string>();
  const xattrs = readAttributes(top);
  const visit = (path: string): void => {
    const bytes = Buffer.from(path === '' ? top : `${top}/${path}`, 'latin1');
    const stat = fs.lstatSync(bytes, { bigint: true });
    const own = () => `${contentOf(bytes, stat)} ${xattrs.get(path) ?? ''}`;
    const parts = [...attributesOf(stat, options), linkOf(inodes, path, stat) ?? own()];
    facts.set(path, parts.join(' ').trim());
    const names = stat.isDirectory() ? fs.readdirSync(bytes, 'latin1').sort() : [];
    for (const name of names) visit(path === '' ? name : `${path}/${name}`);
  };
  visit('');
  return facts;
}

/** Names the first path of the same file; undefined when this is it. */
function linkOf(
  inodes: Map<bigint, string>,
  path: string,
  stat: fs.BigIntStats,
): string | undefined {
  if (stat.isDirectory() || stat.nlink === 1n) return undefined;
  const first = inodes.get(stat.ino);
  if (first === undefined) inodes.set(stat.ino, path);
  return first === undefined ? undefined : `= ${first}`;
}

function attributesOf(stat: fs.BigIntStats, options: SnapshotOptions): string[] {
  return [
    ...[kindOf(stat), (stat.mode & 0o7777n).toString(8)],
    ...(options.owners === false ? [] : [`${stat.uid}:${stat.gid}`]),
    ...(options.times === false ? [] : [timeOf(stat.mtimeNs, options.times)]),
  ];
}

/** The lines that two snapshots do not share, for readable failures. */
export function difference(a: Snapshot, b: Snapshot): string[] {
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort();
  return paths
    .filter((path) => a.get(path) !== b.get(path))
    .map((path) => `${path}: ${a.get(path) ?? 'nothing'} | ${b.get(path) ?? 'nothing'}`);
}

function timeOf(nanoseconds: bigint, rounding: 'seconds' | undefined): string {
  return rounding === 'seconds' ? `${nanoseconds / 1_000_000_000n}s` : `${nanoseconds / 1000n}us`;
}

function kindOf(stat: fs.BigIntStats): string {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  return `other ${stat.rdev}`;
}

function contentOf(path: Buffer, stat: fs.BigIntStats): string {
  if (stat.isSymbolicLink()) return `-> ${fs.readlinkSync(path, 'latin1')}`;
  if (!stat.isFile()) return '';
  if (stat.size > 2n ** 24n) return `${stat.size} bytes`;
  return `${stat.size} ${createHash('sha1').update(fs.readFileSync(path)).digest('hex').slice(0, 10)}`;
}

/** What `getfattr` lists, escapes and all, less what union file systems add. */
function readAttributes(top: string): Map<string, string> {
  const { stdout } = spawnSync('getfattr', ['-RPhd', '-m', '-', '-e', 'hex', '--', '.'], {
    cwd: top,
  });
  const blocks = stdout
    .toString('latin1')
    .split('\n\n')
    .map((block) => block.split('\n'));
  return new Map(
    blocks.map(([head = '', ...lines]) => [
      head.replace('# file: ', ''),
      lines.filter((line) => line !== '' && !line.startsWith('user.overlay.')).join(' '),
    ]),
  );
}
