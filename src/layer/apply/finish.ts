/**
 * What can only be done when all layers are applied: FIFOs, extended attributes, then the attributes of
 * directories (their times would change with their content) and the index.
 */

import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { bufferOf, byteStringOf } from '../../model/index.ts';
import { IndexWriter } from '../rootfs-index.ts';
import { isImageXattr, noXattrs, type Xattrs } from '../xattr-names.ts';
import { readXattrs, writeXattrs } from '../xattr-tools.ts';
import type { Disk } from './disk.ts';
import { Directory, entryOf, type Name, pathOf } from './tree.ts';

const fifosAtOnce = 200;

/** What finishing works on. */
export interface Finishing {
  readonly root: Directory;
  readonly disk: Disk;
  /** Where the index is written; the file must not exist. */
  readonly indexPath: string;
  readonly warn: (message: string) => void;
}

/** Completes the tree on disk and writes its index. Returns the number of entries. */
export function finish(work: Finishing): number {
  makeFifos(work);
  storeXattrs(work);
  return writeIndex(work);
}

/** Walks the tree in canonical order; a directory comes before its content. */
function* walk(directory: Directory): Generator<Name> {
  for (const name of directory.sorted()) {
    yield name;
    if (name instanceof Directory) yield* walk(name);
  }
}

/** Node cannot make FIFOs. Those that `mkfifo` does not make either stay in the index only. */
function makeFifos(work: Finishing): void {
  const linked = new Map<number, Name[]>();
  let pending: Name[] = [];
  for (const name of missingFifos(work.root, linked)) {
    if (pending.push(name) < fifosAtOnce) continue;
    makeSome(work, pending);
    pending = [];
  }
  makeSome(work, pending);
  for (const [first, ...others] of linked.values())
    if (first?.inode.absent === false) for (const other of others) work.disk.makeLink(first, other);
}

/** Yields the first name of each; gathers all names of those that have several. */
function* missingFifos(root: Directory, linked: Map<number, Name[]>): Generator<Name> {
  for (const name of walk(root)) {
    const { inode } = name;
    if (inode.type !== 'fifo' || !inode.absent) continue;
    const names = linked.get(inode.id);
    names?.push(name);
    if (names === undefined && inode.links > 1) linked.set(inode.id, [name]);
    if (names === undefined) yield name;
  }
}

function makeSome({ disk, warn }: Finishing, names: readonly Name[]): void {
  runMkfifo(names.flatMap((name) => textPath(disk, name)));
  for (const name of names)
    if (isFifo(disk.path(name))) {
      name.inode.absent = false;
      disk.setAttributes(name);
    } else warn('some FIFOs of the image are not on disk: mkfifo failed');
}

function runMkfifo(paths: readonly string[]): void {
  if (paths.length > 0) spawnSync('mkfifo', ['-m', '600', '--', ...paths], { stdio: 'ignore' });
}

function isFifo(path: string | Buffer): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFIFO() ?? false;
}

/** Arguments of a process are text: a path that is none cannot be passed. */
function textPath(disk: Disk, name: Name): string[] {
  const bytes = disk.outsidePath(name);
  if (bytes === undefined) return [];
  const text = bufferOf(bytes).toString('utf8');
  return byteStringOf(text) === bytes ? [text] : [];
}

/** Puts attributes on disk, looks what arrived there, and notes the rest as lost. */
function storeXattrs({ root, disk, warn }: Finishing): void {
  const wanted = new Map<number, { name: Name; xattrs: Xattrs }>();
  for (const name of walk(root)) {
    const { inode } = name;
    if (inode.xattrs.size === 0 || inode.shared || wanted.has(inode.id)) continue;
    const xattrs = new Map([...inode.xattrs].filter(([key]) => isImageXattr(key)));
    wanted.set(inode.id, { name, xattrs: inode.absent ? noXattrs : xattrs });
  }
  if (wanted.size === 0) return;
  const records = [...wanted.values()].flatMap(({ name, xattrs }) => {
    const path = disk.outsidePath(name);
    return path === undefined || xattrs.size === 0 ? [] : [{ path, xattrs }];
  });
  const isWritten = writeXattrs(records);
  if (!isWritten)
    warn('extended attributes of the image are not on disk: setfattr is not installed');
  const stored = isWritten ? readXattrs(disk.path(root)).byPath : new Map();
  for (const { name } of wanted.values()) {
    const { inode } = name;
    const found = stored.get(pathOf(name)) ?? noXattrs;
    inode.lostXattrs = [...inode.xattrs.keys()].filter((key) => !found.has(key));
  }
}

function writeIndex({ root, disk, indexPath }: Finishing): number {
  using index = new IndexWriter(indexPath);
  const listed = new Map<number, Name>();
  for (const name of walk(root)) {
    const { inode } = name;
    if (name instanceof Directory) disk.setAttributes(name);
    const path = pathOf(name);
    const entry = entryOf(path, inode);
    const first = inode.links > 1 ? listed.get(inode.id) : undefined;
    index.add(
      first === undefined ? entry : { ...entry, type: 'hardlink', linkName: pathOf(first) },
    );
    if (inode.links > 1 && first === undefined) listed.set(inode.id, name);
  }
  disk.setAttributes(root);
  return index.entries;
}
