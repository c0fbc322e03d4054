/**
 * What can only be done when all layers are applied: FIFOs, extended attributes, then the attributes of
 * directories (their times would change with their content) and the index.
 */

import { spawnSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { type ByteString, bufferOf, byteStringOf } from '../../model/index.ts';
import { IndexWriter } from '../rootfs-index.ts';
import { isImageXattr, noXattrs, type Xattrs } from '../xattr-names.ts';
import { readXattrs, writeXattrs } from '../xattr-tools.ts';
import type { Disk } from './disk.ts';
import { Directory, entryOf, type Inode, type Name, pathOf } from './tree.ts';

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
function makeFifos({ root, disk, warn }: Finishing): void {
  const names = [...walk(root)].filter(({ inode }) => inode.type === 'fifo' && inode.absent);
  const firstNames = [...new Map(names.toReversed().map((name) => [name.inode, name])).values()];
  for (let at = 0; at < firstNames.length; at += fifosAtOnce)
    runMkfifo(firstNames.slice(at, at + fifosAtOnce).flatMap((name) => textPath(disk, name)));
  for (const name of firstNames)
    if (isFifo(disk.path(name))) {
      name.inode.absent = false;
      disk.setAttributes(name);
    }
  for (const name of names) {
    const first = firstNames.find(({ inode }) => inode === name.inode);
    if (first !== name && first?.inode.absent === false) disk.makeLink(first, name);
  }
  if (firstNames.some(({ inode }) => inode.absent))
    warn('some FIFOs of the image are not on disk: mkfifo failed');
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
  const wanted = new Map<Inode, { name: Name; xattrs: Xattrs }>();
  for (const name of walk(root)) {
    const { inode } = name;
    if (inode.xattrs.size === 0 || inode.shared || wanted.has(inode)) continue;
    const xattrs = new Map([...inode.xattrs].filter(([key]) => isImageXattr(key)));
    wanted.set(inode, { name, xattrs: inode.absent ? noXattrs : xattrs });
  }
  if (wanted.size === 0) return;
  const records = [...wanted.values()].flatMap(({ name, xattrs }) => {
    const path = disk.outsidePath(name);
    return path === undefined || xattrs.size === 0 ? [] : [{ path, xattrs }];
  });
  if (!writeXattrs(records))
    warn('extended attributes of the image are not on disk: setfattr is not installed');
  const stored = readXattrs(disk.path(root)).byPath;
  for (const [inode, { name }] of wanted) {
    const found = stored.get(pathOf(name)) ?? noXattrs;
    inode.lostXattrs = [...inode.xattrs.keys()].filter((key) => !found.has(key));
  }
}

function writeIndex({ root, disk, indexPath }: Finishing): number {
  using index = new IndexWriter(indexPath);
  const listed = new Map<Inode, ByteString>();
  for (const name of walk(root)) {
    const { inode } = name;
    if (name instanceof Directory) disk.setAttributes(name);
    const path = pathOf(name);
    const entry = entryOf(path, inode);
    const first = inode.links > 1 ? listed.get(inode) : undefined;
    index.add(first === undefined ? entry : { ...entry, type: 'hardlink', linkName: first });
    if (inode.links > 1 && first === undefined) listed.set(inode, path);
  }
  disk.setAttributes(root);
  return index.entries;
}
