/**
 * Walks what may have changed and writes what has, in canonical order (docs/design.md, "The canonical
 * layer").
 *
 * With an overlay the candidates are its upper directory, otherwise the whole result; the rest is one
 * algorithm, so both give the same bytes. What is gone is found by comparing names, never by whiteouts
 * or opaque marks, which storage and runtimes leave in many forms.
 */

import * as fs from 'node:fs';
import { BuildError } from '../../errors/index.ts';
import { type ByteString, displayBytes } from '../../model/index.ts';
import { defaultTarLimits, type TarEntry } from '../../tar/index.ts';
import { type Children, Directory, entryOf, type Name } from '../apply/tree.ts';
import { DirectoryPaths, type PathNode } from '../directory-paths.ts';
import type { RootfsEntry } from '../rootfs-entry.ts';
import { isReservedName, whiteoutOf } from '../whiteout.ts';
import { noXattrs, type Xattrs } from '../xattr-names.ts';
import { withAccess } from './access.ts';
import {
  attributesDiffer,
  describe,
  openForReading,
  ownerDiffers,
  type Rules,
  sameContent,
  storedXattrs,
} from './compare.ts';
import { asUnpackedByEngine, ifAllowed, imageOwner } from './in-place.ts';
import { type Facts, readFacts } from './node-facts.ts';
import type { Packer, Packing } from './packer.ts';

/** What is compared with what. */
export interface Comparison {
  /** Directory of the entries that may have changed: the overlay's upper directory, or the result. */
  readonly candidates: ByteString;
  /** The root file system as processes saw it. */
  readonly result: ByteString;
  /** The root file system below, and its index as a tree. */
  readonly lower: ByteString;
  readonly index: Directory;
  /** Paths that are left alone, with everything below. */
  readonly exclude: ReadonlySet<ByteString>;
  /** Extended attributes of the candidates, by path; when absent they are taken to be as below. */
  readonly xattrs: ReadonlyMap<ByteString, Xattrs> | undefined;
  readonly rules: Rules;
}

/** What went into the layer. */
export interface WalkCounts {
  entries: number;
  whiteouts: number;
  readonly warnings: string[];
}

/** A directory on the way; written only when something below it is. */
interface Visit extends PathNode {
  readonly parent: Visit | undefined;
  readonly path: ByteString;
  readonly depth: number;
  readonly lower: Name | undefined;
  readonly diskMode: number;
  readonly entry: TarEntry | undefined;
  written: boolean;
}

interface Found {
  readonly name: ByteString;
  readonly facts: Facts;
}

const maxWarnings = 20;
const noChildren: Children = new Map<ByteString, Name>();

/** Compares and writes, entry by entry. */
export class ChangeWalk {
  readonly counts: WalkCounts = { entries: 0, whiteouts: 0, warnings: [] };
  readonly #comparison: Comparison;
  readonly #packer: Packer;
  readonly #candidates: DirectoryPaths;
  readonly #result: DirectoryPaths;
  readonly #lower: DirectoryPaths;
  /** The first entry of each file with several names, by inode. */
  readonly #linked = new Map<string, TarEntry>();

  constructor(comparison: Comparison, packer: Packer) {
    this.#comparison = comparison;
    this.#packer = packer;
    this.#candidates = new DirectoryPaths(comparison.candidates);
    this.#result = new DirectoryPaths(comparison.result);
    this.#lower = new DirectoryPaths(comparison.lower);
  }

  /** Writes the whole archive. */
  *run(): Packing {
    yield* this.#directory({
      name: '' as ByteString,
      parent: undefined,
      path: '' as ByteString,
      depth: 0,
      lower: this.#comparison.index,
      diskMode: 0o755,
      entry: undefined,
      written: true,
    });
    yield* this.#packer.end();
  }

  [Symbol.dispose](): void {
    for (const paths of [this.#candidates, this.#result, this.#lower]) paths[Symbol.dispose]();
  }

  *#directory(visit: Visit): Packing {
    const path = this.#candidates.directory(visit);
    const list = () => withAccess(path, visit.diskMode, () => this.#list(path));
    const listing = this.#comparison.rules.inPlace === undefined ? list() : ifAllowed(list);
    if (listing === undefined) return;
    const { value: names, restore } = listing;
    try {
      const found = names.flatMap((name) => this.#find(visit, name));
      for (const name of this.#removed(visit, names, found)) yield* this.#whiteout(visit, name);
      for (const each of found) yield* this.#compare(visit, each);
    } finally {
      restore();
    }
  }

  #list(path: string | Buffer): ByteString[] {
    const names = fs.readdirSync(path, { encoding: 'latin1' }) as ByteString[];
    // Reading the names needs other permissions than what follows.
    fs.accessSync(path, fs.constants.X_OK);
    return names.sort(byBytes);
  }

  /** Returns the entry with this name unless it is none that a layer can hold. */
  #find(visit: Visit, name: ByteString): Found[] {
    if (this.#isExcluded(visit, name)) return [];
    const path = childPath(visit, name);
    const facts = readFacts(this.#candidates.path(visit, name));
    if (facts === undefined) return [];
    if (facts.type === 'socket') this.#warn(`socket left out: "${displayBytes(path)}"`);
    return facts.type === 'socket' || facts.type === 'whiteout' ? [] : [{ name, facts }];
  }

  #isExcluded(visit: Visit, name: ByteString): boolean {
    const { exclude } = this.#comparison;
    return exclude.size > 0 && exclude.has(childPath(visit, name));
  }

  /** Returns the names that the lower directory has and the result has not. */
  #removed(visit: Visit, names: readonly ByteString[], found: readonly Found[]): ByteString[] {
    const lower = childrenOf(visit.lower);
    if (lower.size === 0) return [];
    const present = new Set(found.map(({ name }) => name));
    if (this.#comparison.candidates !== this.#comparison.result) {
      const handled = new Set(names);
      for (const name of this.#list(this.#result.directory(visit)))
        if (!handled.has(name)) present.add(name);
    }
    const gone: ByteString[] = [];
    for (const [name, { inode }] of lower)
      if (!present.has(name) && !inode.absent && !this.#isExcluded(visit, name)) gone.push(name);
    return gone.sort(byBytes);
  }

  *#whiteout(visit: Visit, name: ByteString): Packing {
    yield* this.#ancestors(visit);
    this.counts.whiteouts += 1;
    const { rules } = this.#comparison;
    yield* this.#packer.entry({
      ...plainFile,
      path: childPath(visit, whiteoutOf(name)),
      mtime: rules.epoch,
    });
  }

  *#compare(visit: Visit, { name, facts: onDisk }: Found): Packing {
    const path = childPath(visit, name);
    const lower = childrenOf(visit.lower).get(name);
    const below = this.#below(path, lower);
    const facts = this.#owned(onDisk, below);
    const xattrs = this.#xattrsOf(path, below);
    const isChanged = this.#isChanged(visit, name, facts, xattrs, below);
    if (facts.type !== 'directory' && !isChanged) return;
    const { rules } = this.#comparison;
    const type = facts.type as TarEntry['type'];
    const found = { facts, xattrs, isChanged };
    const entry: TarEntry = { path, type, ...describe(rules, found, below) };
    if (type === 'directory') {
      const depth = visit.depth + 1;
      const inner = {
        name,
        parent: visit,
        path,
        depth,
        lower,
        diskMode: facts.mode,
        entry,
        written: false,
      };
      if (isChanged) yield* this.#ancestors(inner);
      yield* this.#directory(inner);
    } else yield* this.#nonDirectory(visit, name, facts, entry);
  }

  #isChanged(
    visit: Visit,
    name: ByteString,
    facts: Facts,
    xattrs: Xattrs,
    below: RootfsEntry | undefined,
  ): boolean {
    const { rules } = this.#comparison;
    if (below === undefined || below.absent === true)
      return rules.inPlace?.scaffolding.has(childPath(visit, name)) !== true;
    if (attributesDiffer(rules, facts, xattrs, below)) return true;
    if (facts.type !== 'file' || facts.size === 0) return false;
    const same = () =>
      sameContent(this.#candidates.path(visit, name), this.#lower.path(visit, name));
    return !(rules.inPlace === undefined ? same() : (ifAllowed(same) ?? true));
  }

  #below(path: ByteString, lower: Name | undefined): RootfsEntry | undefined {
    if (lower === undefined) return undefined;
    const entry = entryOf(path, lower.inode);
    return this.#comparison.rules.inPlace === undefined ? entry : asUnpackedByEngine(entry);
  }

  /** In place, what is ours belongs to the image's user, unless it is as it was. */
  #owned(facts: Facts, below: RootfsEntry | undefined): Facts {
    const { rules } = this.#comparison;
    const { inPlace, owner } = rules;
    if (inPlace === undefined) return facts;
    if (below !== undefined && !ownerDiffers(rules, facts, below)) return facts;
    return { ...facts, ...imageOwner(inPlace, owner, facts) };
  }

  #xattrsOf(path: ByteString, below: RootfsEntry | undefined): Xattrs {
    const { xattrs } = this.#comparison;
    if (xattrs !== undefined) return xattrs.get(path) ?? noXattrs;
    return below === undefined ? noXattrs : storedXattrs(below);
  }

  *#nonDirectory(visit: Visit, name: ByteString, facts: Facts, entry: TarEntry): Packing {
    yield* this.#ancestors(visit);
    this.#count(entry, name, visit.depth + 1);
    const first = facts.inode === undefined ? undefined : this.#linked.get(facts.inode);
    if (first !== undefined) yield* this.#packer.entry(linkTo(first, entry.path));
    else if (entry.type !== 'file') yield* this.#packer.entry(entry);
    else {
      if (facts.inode !== undefined) this.#linked.set(facts.inode, entry);
      yield* this.#file(this.#candidates.path(visit, name), facts, entry);
    }
  }

  *#file(path: string | Buffer, facts: Facts, entry: TarEntry): Packing {
    const { value: fd, restore } = this.#open(path, facts.mode, entry);
    try {
      restore();
      yield* this.#packer.file(entry, fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  #open(path: string | Buffer, mode: number, entry: TarEntry): { value: number; restore(): void } {
    const open = () => withAccess(path, mode, () => fs.openSync(path, openForReading));
    const opened = this.#comparison.rules.inPlace === undefined ? open() : ifAllowed(open);
    if (opened !== undefined) return opened;
    const shown = displayBytes(entry.path);
    throw new BuildError('PERMISSION_DENIED', `"${shown}" is not as in the image, nor readable`);
  }

  /** Writes a directory, and before it those above it, unless they have been. */
  *#ancestors(visit: Visit): Packing {
    if (visit.written || visit.parent === undefined || visit.entry === undefined) return;
    yield* this.#ancestors(visit.parent);
    visit.written = true;
    this.#count(visit.entry, visit.name, visit.depth);
    yield* this.#packer.entry(visit.entry);
  }

  #count(entry: TarEntry, name: ByteString, depth: number): void {
    this.counts.entries += 1;
    const { pathBytes, depth: maxDepth, contentBytes } = defaultTarLimits;
    if (isReservedName(name))
      throw new BuildError(
        'LAYER_INVALID',
        `"${displayBytes(entry.path)}" cannot be part of an image: names that begin with .wh. mean removals`,
        { suggestion: 'let the build remove or rename it' },
      );
    if (entry.path.length >= pathBytes || depth > maxDepth)
      throw tooLarge(entry, `its path is longer than ${pathBytes} bytes or ${maxDepth} levels`);
    if (this.#packer.bytes + entry.size > contentBytes)
      throw tooLarge(entry, `the layer would be larger than ${contentBytes} bytes`);
  }

  #warn(message: string): void {
    const { warnings } = this.counts;
    if (warnings.length < maxWarnings) warnings.push(message);
  }
}

const plainFile: Omit<TarEntry, 'path' | 'mtime'> = {
  type: 'file',
  mode: 0o600,
  uid: 0,
  gid: 0,
  size: 0,
  linkName: '' as ByteString,
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: noXattrs,
};

function childrenOf(name: Name | undefined): Children {
  return name instanceof Directory ? name.children : noChildren;
}

function byBytes(a: ByteString, b: ByteString): number {
  return a < b ? -1 : 1;
}

function childPath(visit: Visit, name: ByteString): ByteString {
  return (visit.path === '' ? name : `${visit.path}/${name}`) as ByteString;
}

/** All names of a file have the attributes of the first: unpackers apply those of each. */
function linkTo(first: TarEntry, path: ByteString): TarEntry {
  return { ...first, path, type: 'hardlink', linkName: first.path, size: 0, xattrs: noXattrs };
}

function tooLarge(entry: TarEntry, why: string): BuildError {
  const shown = displayBytes(entry.path.slice(0, 200) as ByteString);
  return new BuildError('LIMIT_EXCEEDED', `"${shown}" cannot be part of an image: ${why}`, {
    suggestion: 'no container engine could unpack it; let the build remove it',
  });
}
