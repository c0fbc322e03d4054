/**
 * Sparse files: which parts of a file the archive holds (GNU tar manual, "Storing Sparse Files").
 *
 * Four spellings are read: old GNU (map in header blocks), pax 0.0 and 0.1 (map in records), pax 1.0 (map
 * before the content). None is ever written: layers must not hold sparse entries.
 */

import type { ByteString } from '../model/index.ts';
import { parseDecimal } from './decimal.ts';
import { invalid, overLimit } from './fault.ts';
import { blockSize, parseNumber } from './fields.ts';
import type { Header } from './header.ts';
import type { PaxRecords } from './pax.ts';

/** A run of bytes that the archive holds; what lies between runs reads as zeros. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

/** A map that arrives in blocks after the header, or is complete from the start. */
export interface SparseMap {
  /** Whether another block belongs to the map. */
  readonly more: boolean;
  /** All regions, once there are no more blocks. */
  readonly regions: readonly Region[];
  /** How many bytes of the stored content the map takes. */
  readonly contentBytes: number;
  /** Takes the next block. */
  add(block: Buffer, start: number): void;
}

/** What is known of a sparse file besides its header. */
export interface SparseFile {
  readonly map: SparseMap;
  /** The size with holes, where it is stated. */
  readonly size: number | undefined;
  /** The real name, where the header has a made-up one. */
  readonly path: ByteString | undefined;
}

/** Returns how a file is sparse, or undefined when it is not; `records` are those of its extended header. */
export function openSparse(
  header: Header,
  block: Buffer,
  start: number,
  records: PaxRecords | undefined,
  maximumBytes: number,
): SparseFile | undefined {
  if (header.flag === 'S') {
    if (header.format !== 'gnu') throw invalid('sparse file has no GNU header');
    const map = new OldGnuMap(block, start, maximumBytes);
    return { map, size: map.realSize, path: undefined };
  }
  const map = records === undefined ? undefined : paxMap(records, maximumBytes);
  if (map === undefined || records === undefined) return undefined;
  const size = records.get('GNU.sparse.size') || records.get('GNU.sparse.realsize');
  return {
    map,
    size: size ? parseDecimal(size) : undefined,
    path: records.get('GNU.sparse.name') || undefined,
  };
}

/** Go takes a file of an unknown sparse format, or without a map, for a dense one; that is refused here. */
function paxMap(records: PaxRecords, maximumBytes: number): SparseMap | undefined {
  const version = `${records.get('GNU.sparse.major') ?? ''}.${records.get('GNU.sparse.minor') ?? ''}`;
  if (version === '1.0') return new PaxContentMap(maximumBytes);
  if (version === '0.0' || version === '0.1') return new PaxRecordMap(records);
  if (version !== '.') throw invalid('sparse file format is unknown');
  if (records.get('GNU.sparse.map')) return new PaxRecordMap(records);
  for (const key of records.keys())
    if (key.startsWith('GNU.sparse.')) throw invalid('sparse file has no map');
  return undefined;
}

/** Throws a fault unless the regions are in order, do not overlap, lie in the file and fill its content exactly. */
export function checkRegions(regions: readonly Region[], size: number, stored: number): void {
  if (size < 0) throw invalid('size is negative');
  let end = 0;
  let total = 0;
  for (const { offset, length } of regions) {
    if (offset < end || length < 0 || offset + length > size)
      throw invalid('sparse map regions overlap or lie outside of the file');
    end = offset + length;
    total += length;
  }
  if (total !== stored) throw invalid('sparse map does not match the stored content');
}

function pair(numbers: readonly number[]): Region[] {
  const regions: Region[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2)
    regions.push({ offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 });
  return regions;
}

/** The map of pax formats 0.0 and 0.1: all in the records. */
class PaxRecordMap implements SparseMap {
  readonly more = false;
  readonly contentBytes = 0;
  readonly regions: readonly Region[];

  constructor(records: PaxRecords) {
    const count = parseDecimal(records.get('GNU.sparse.numblocks') ?? '');
    const map = records.get('GNU.sparse.map') ?? '';
    const numbers = map === '' ? [] : map.split(',').map(parseDecimal);
    if (numbers.length !== 2 * count) throw invalid('sparse map has a wrong count of regions');
    this.regions = pair(numbers);
  }

  add(): void {
    throw invalid('sparse map has no blocks');
  }
}

/** The map of the old GNU format: four regions in the header, 21 in each extension block. */
class OldGnuMap implements SparseMap {
  readonly contentBytes = 0;
  readonly regions: Region[] = [];
  /** The size of the file, holes included. */
  readonly realSize: number;
  readonly #maximumBytes: number;
  #bytes = 0;
  #more = false;

  constructor(header: Buffer, start: number, maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
    this.realSize = parseNumber(header, start + 483, 12);
    this.#read(header, start + 386, 4);
  }

  get more(): boolean {
    return this.#more;
  }

  add(block: Buffer, start: number): void {
    this.#read(block, start, 21);
  }

  #read(block: Buffer, start: number, count: number): void {
    for (let at = start; at < start + 24 * count && block[at] !== 0; at += 24)
      this.regions.push({
        offset: parseNumber(block, at, 12),
        length: parseNumber(block, at + 12, 12),
      });
    this.#more = (block[start + 24 * count] ?? 0) !== 0;
    this.#bytes += blockSize;
    if (this.#more && this.#bytes > this.#maximumBytes)
      throw overLimit('sparse map is too long', this.#maximumBytes);
  }
}

/** The map of pax format 1.0, before the content: decimal numbers, each ended by a newline, padded to whole blocks. */
class PaxContentMap implements SparseMap {
  readonly #maximumBytes: number;
  readonly #numbers: number[] = [];
  #wanted = 1;
  #bytes = 0;
  #partial = '';

  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  get more(): boolean {
    return this.#numbers.length < this.#wanted;
  }

  get contentBytes(): number {
    return this.#bytes;
  }

  get regions(): readonly Region[] {
    return pair(this.#numbers.slice(1));
  }

  add(block: Buffer, start: number): void {
    this.#bytes += blockSize;
    if (this.#bytes > this.#maximumBytes)
      throw overLimit('sparse map is too long', this.#maximumBytes);
    const lines = block.toString('latin1', start, start + blockSize).split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) {
      if (!this.more) return;
      this.#take(this.#partial + line);
      this.#partial = '';
    }
    this.#partial += last;
    if (this.more && this.#partial.length > 64) throw invalid('sparse map number is malformed');
  }

  #take(text: string): void {
    const number = parseDecimal(text);
    if (this.#numbers.push(number) > 1) return;
    if (number < 0) throw invalid('sparse map has a wrong count of regions');
    if (number > this.#maximumBytes / 4)
      throw overLimit('sparse map is too long', this.#maximumBytes);
    this.#wanted = 1 + 2 * number;
  }
}
