/**
 * What the entries of a root file system are, whatever their names: a table of numbers, because an image may have
 * a million of them. An entry takes 36 bytes, and more only for a link's target, a device or extended attributes.
 */

import { BuildError } from '../../errors/index.ts';
import type { ByteString } from '../../model/index.ts';
import type { TarEntry, TarEntryType } from '../../tar/index.ts';

/** Attributes of an entry. */
export type InodeFacts = Omit<TarEntry, 'path'>;

/** Entries over all layers, replaced ones included: one layer may have two million. */
export const maxInodes = 2_100_000;
/** Bytes of link targets and extended attributes over all layers. */
const maxExtraBytes = 64 * 2 ** 20;
/** Entries for which memory is taken at a time. */
const growth = 2 ** 15;

const types: readonly TarEntryType[] = [
  'file',
  'hardlink',
  'symlink',
  'character-device',
  'block-device',
  'directory',
  'fifo',
];
/** The first word holds mode, type and flags; then come owner, group and number of names. */
const wordsEach = 4;
const typeShift = 16;
const flags = { shared: 1 << 24, absent: 1 << 25, foreignOwner: 1 << 26 } as const;

/** What few entries have. */
interface Rare {
  readonly linkName: ByteString;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  xattrs: ReadonlyMap<ByteString, Uint8Array>;
  lostXattrs: readonly ByteString[];
  /** A time that does not fit into 64 bits of nanoseconds. */
  mtime: bigint | undefined;
}

const noXattrs: ReadonlyMap<ByteString, Uint8Array> = new Map();
const usual: Rare = {
  ...{ linkName: '' as ByteString, deviceMajor: 0, deviceMinor: 0 },
  ...{ xattrs: noXattrs, lostXattrs: [], mtime: undefined },
};

/** The inodes of one tree. */
export class InodeTable {
  readonly words = new Uint32Array(growing(wordsEach * 4));
  readonly sizes = new Float64Array(growing(8));
  readonly times = new BigInt64Array(growing(8));
  readonly checksums = new Uint32Array(growing(4));
  readonly rare = new Map<number, Rare>();
  #count = 0;
  #extraBytes = 0;

  /** Makes room for one more and returns its number. */
  add(): number {
    if (this.#count >= maxInodes)
      throw new BuildError('LIMIT_EXCEEDED', `image has more than ${maxInodes} entries`);
    if (this.#count >= this.sizes.length)
      for (const column of [this.words, this.sizes, this.times, this.checksums]) {
        const each = column === this.words ? wordsEach : 1;
        column.buffer.resize((column.length + growth * each) * column.BYTES_PER_ELEMENT);
      }
    this.#count += 1;
    return this.#count - 1;
  }

  /** Counts what an entry needs beside its numbers. */
  charge(bytes: number): void {
    this.#extraBytes += bytes;
    if (this.#extraBytes > maxExtraBytes)
      throw new BuildError(
        'LIMIT_EXCEEDED',
        `image has more than ${maxExtraBytes} bytes of extended attributes and link targets`,
      );
  }
}

/** Memory that grows where it is, so that nothing is ever copied. */
function growing(bytesEach: number): ArrayBuffer {
  return new ArrayBuffer(0, { maxByteLength: Math.ceil(maxInodes / growth) * growth * bytesEach });
}

/** One entry of the table. Two objects may stand for the same one: compare `id`. */
export class Inode {
  readonly table: InodeTable;
  /** Number in the table. */
  readonly id: number;

  private constructor(table: InodeTable, id: number) {
    this.table = table;
    this.id = id;
  }

  /** Returns what the table holds under a number. */
  static at(table: InodeTable, id: number): Inode {
    return new Inode(table, id);
  }

  /** Adds an entry with one name. */
  static add(table: InodeTable, facts: InodeFacts): Inode {
    const inode = new Inode(table, table.add());
    const { linkName, deviceMajor, deviceMinor } = facts;
    table.words[inode.id * wordsEach] = types.indexOf(facts.type) << typeShift;
    table.sizes[inode.id] = facts.size;
    table.charge(linkName.length);
    if (linkName !== '' || deviceMajor !== 0 || deviceMinor !== 0)
      table.rare.set(inode.id, { ...usual, linkName, deviceMajor, deviceMinor });
    inode.links = 1;
    inode.assume(facts);
    return inode;
  }

  get type(): TarEntryType {
    return types[(this.#word(0) >> typeShift) & 0xff] ?? 'file';
  }

  get mode(): number {
    return this.#word(0) & 0xffff;
  }

  get uid(): number {
    return this.#word(1);
  }

  get gid(): number {
    return this.#word(2);
  }

  /** How many names it has. */
  get links(): number {
    return this.#word(3);
  }

  set links(count: number) {
    this.#setWord(3, count);
  }

  get size(): number {
    return this.table.sizes[this.id] ?? 0;
  }

  /** CRC-32 of the content of a file; 0 where it is not known. */
  get checksum(): number {
    return this.table.checksums[this.id] ?? 0;
  }

  set checksum(value: number) {
    this.table.checksums[this.id] = value;
  }

  get mtime(): bigint {
    return this.#rare.mtime ?? this.table.times[this.id] ?? 0n;
  }

  get linkName(): ByteString {
    return this.#rare.linkName;
  }

  get deviceMajor(): number {
    return this.#rare.deviceMajor;
  }

  get deviceMinor(): number {
    return this.#rare.deviceMinor;
  }

  get xattrs(): ReadonlyMap<ByteString, Uint8Array> {
    return this.#rare.xattrs;
  }

  get lostXattrs(): readonly ByteString[] {
    return this.#rare.lostXattrs;
  }

  set lostXattrs(names: readonly ByteString[]) {
    if (names.length > 0 || this.lostXattrs.length > 0) this.#setRare({ lostXattrs: names });
  }

  /** The file on disk is also a file of the stored root file system this one was cloned from. */
  get shared(): boolean {
    return this.#flag('shared');
  }

  set shared(is: boolean) {
    this.#setFlag('shared', is);
  }

  /** It is in the index only. */
  get absent(): boolean {
    return this.#flag('absent');
  }

  set absent(is: boolean) {
    this.#setFlag('absent', is);
  }

  /** The owner lies outside the id map. */
  get foreignOwner(): boolean {
    return this.#flag('foreignOwner');
  }

  set foreignOwner(is: boolean) {
    this.#setFlag('foreignOwner', is);
  }

  /** Takes over the attributes of another entry for the same directory. */
  assume(facts: Pick<TarEntry, 'mode' | 'uid' | 'gid' | 'mtime' | 'xattrs'>): void {
    this.#setWord(0, (this.#word(0) & ~0xffff) | (facts.mode & 0xffff));
    this.#setWord(1, facts.uid);
    this.#setWord(2, facts.gid);
    const fits = BigInt.asIntN(64, facts.mtime) === facts.mtime;
    this.table.times[this.id] = fits ? facts.mtime : 0n;
    this.foreignOwner = false;
    for (const [name, { length }] of facts.xattrs) this.table.charge(name.length + length);
    const isPlain = fits && facts.xattrs.size === 0;
    if (isPlain && !this.table.rare.has(this.id)) return;
    this.#setRare({ mtime: fits ? undefined : facts.mtime, xattrs: facts.xattrs, lostXattrs: [] });
  }

  get #rare(): Rare {
    return this.table.rare.get(this.id) ?? usual;
  }

  #setRare(change: Partial<Rare>): void {
    this.table.rare.set(this.id, { ...this.#rare, ...change });
  }

  #word(at: number): number {
    return this.table.words[this.id * wordsEach + at] ?? 0;
  }

  #setWord(at: number, value: number): void {
    this.table.words[this.id * wordsEach + at] = value;
  }

  #flag(name: keyof typeof flags): boolean {
    return (this.#word(0) & flags[name]) !== 0;
  }

  #setFlag(name: keyof typeof flags, is: boolean): void {
    const word = this.#word(0);
    this.#setWord(0, is ? word | flags[name] : word & ~flags[name]);
  }
}
