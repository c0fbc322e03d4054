/**
 * The strict reader: a push parser over chunks of any size.
 *
 * It never looks back, never copies file contents and holds at most one extension header. What an input
 * means is what Go's archive/tar says it means, or the input is refused (README.md tells where this
 * reader is stricter). Reading ends at the first two zero blocks; bytes after them are ignored.
 */

import type { ByteString } from '../model/index.ts';
import { ContentFeed } from './content.ts';
import { checkNames, type Draft, draftEntry, type Extensions } from './entry.ts';
import { explain, invalid, overLimit } from './fault.ts';
import { blockSize, paddingLength, parseText } from './fields.ts';
import { type Header, isZeroBlock, parseHeader } from './header.ts';
import { defaultTarLimits, type TarLimits } from './limits.ts';
import { parsePax } from './pax.ts';
import { checkRegions, openSparse, type Region, type SparseFile } from './sparse.ts';
import type { TarEntry, TarHandler } from './types.ts';
import { UnitBuffer } from './unit-buffer.ts';

/** How an archive is read. */
export interface TarReaderOptions {
  readonly limits?: Partial<TarLimits>;
  /** What the archive is, for error messages; "archive" when absent. */
  readonly what?: string;
  /** Refuses an archive that stops without the two zero blocks that end one; otherwise they may be absent. */
  readonly requireEndMarker?: boolean;
}

/** What the next bytes are. The first three are read as units of known length. */
type Phase = 'header' | 'extension' | 'sparse-map' | 'content' | 'padding' | 'ended';

const noExtensions: Extensions = {};

/** Parses one archive, chunk by chunk, and calls the handler as entries and contents are seen. */
export class TarReader {
  readonly #limits: TarLimits;
  readonly #options: TarReaderOptions;
  readonly #handler: TarHandler;
  readonly #feed: ContentFeed;
  readonly #unit = new UnitBuffer();
  #phase: Phase = 'header';
  /** Length of the unit, content or padding being read; what is left of it, for the latter two. */
  #remaining = blockSize;
  #extensionFlag = '';
  #extensions = noExtensions;
  #onMapBlock: (block: Buffer, start: number) => void = () => undefined;
  /** Whether the content being read is a file's; what it is padded with. */
  #isFile = false;
  #padding = 0;
  #sawZeroBlock = false;
  #entries = 0;
  #contentBytes = 0;
  #consumed = 0;
  #headerOffset = 0;
  #path: ByteString | undefined;
  #failure: unknown;

  constructor(handler: TarHandler, options: TarReaderOptions = {}) {
    this.#handler = handler;
    this.#options = options;
    this.#limits = { ...defaultTarLimits, ...options.limits };
    this.#feed = new ContentFeed(handler);
  }

  /**
   * Takes the next bytes of the archive; the chunk may be reused after the call.
   *
   * @throws BuildError `TAR_INVALID` or `LIMIT_EXCEEDED`, and whatever the handler throws; the reader then stays failed
   */
  write(chunk: Uint8Array): void {
    this.#guard(() => {
      const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      let at = 0;
      while (at < buffer.length) at = this.#step(buffer, at);
      this.#consumed += buffer.length;
    });
  }

  /**
   * Says that there are no more bytes.
   *
   * @throws BuildError `TAR_INVALID` when the archive is cut off
   */
  end(): void {
    this.#guard(() => {
      if (this.#phase === 'ended') return;
      if (this.#options.requireEndMarker) throw invalid('the end of the archive is missing');
      const between = this.#phase === 'header' && this.#unit.length === 0;
      if (!between && this.#phase !== 'padding') throw invalid('the archive is cut off');
    });
  }

  #guard(action: () => void): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      action();
    } catch (thrown) {
      this.#failure = explain(thrown, {
        what: this.#options.what ?? 'archive',
        offset: this.#headerOffset,
        path: this.#path,
      });
      throw this.#failure;
    }
  }

  /** Handles the bytes from `at` on as far as the present phase goes; returns where it stopped. */
  #step(buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + this.#remaining);
    switch (this.#phase) {
      case 'content':
        if (this.#isFile) this.#feed.write(buffer, at, end);
        this.#remaining -= end - at;
        if (this.#remaining === 0) this.#beginPadding();
        return end;
      case 'padding':
        this.#remaining -= end - at;
        if (this.#remaining === 0) this.#expect('header', blockSize);
        return end;
      case 'ended':
        return buffer.length;
      default:
        return this.#stepUnit(buffer, at);
    }
  }

  #stepUnit(buffer: Buffer, at: number): number {
    const wanted = this.#remaining;
    if (this.#phase === 'header' && this.#unit.length === 0)
      this.#headerOffset = this.#consumed + at;
    if (this.#unit.length === 0 && buffer.length - at >= wanted) {
      this.#onUnit(buffer, at);
      return at + wanted;
    }
    const left = wanted - this.#unit.length;
    const unit = this.#unit.fill(buffer, at, wanted);
    if (unit === undefined) return buffer.length;
    this.#onUnit(unit, 0);
    return at + left;
  }

  #onUnit(buffer: Buffer, start: number): void {
    if (this.#phase === 'header') this.#onHeader(buffer, start);
    else if (this.#phase === 'extension')
      this.#onExtension(buffer.subarray(start, start + this.#remaining));
    else this.#onMapBlock(buffer, start);
  }

  #expect(phase: Phase, length: number): void {
    this.#phase = phase;
    this.#remaining = length;
  }

  #beginPadding(): void {
    if (this.#padding > 0) this.#expect('padding', this.#padding);
    else this.#expect('header', blockSize);
  }

  #onHeader(block: Buffer, start: number): void {
    this.#path = undefined;
    if (isZeroBlock(block, start)) {
      if (this.#sawZeroBlock) this.#expect('ended', 0);
      this.#sawZeroBlock = true;
      return;
    }
    if (this.#sawZeroBlock) throw invalid('a lone zero block stands between headers');
    const header = parseHeader(block, start);
    if (header.size < 0) throw invalid('size is negative');
    if ('xgLK'.includes(header.flag)) this.#beginExtension(header);
    else this.#beginEntry(header, block, start);
  }

  #beginExtension(header: Header): void {
    if (header.size > this.#limits.extensionBytes)
      throw overLimit('extended header is too long', this.#limits.extensionBytes);
    if (header.flag === 'g' && this.#extensions !== noExtensions)
      throw invalid('a global header stands between an extended header and its entry');
    this.#extensionFlag = header.flag;
    this.#padding = paddingLength(header.size);
    this.#expect('extension', header.size);
    if (header.size === 0) this.#onExtension(Buffer.alloc(0));
  }

  /** A later header of a kind replaces an earlier one as a whole. Global headers mean nothing to any entry. */
  #onExtension(bytes: Buffer): void {
    const text = () => parseText(bytes, 0, bytes.length);
    switch (this.#extensionFlag) {
      case 'L':
        this.#extensions = { ...this.#extensions, longName: text() };
        break;
      case 'K':
        this.#extensions = { ...this.#extensions, longLink: text() };
        break;
      default: {
        const records = parsePax(bytes, this.#limits.extensionRecords);
        if (this.#extensionFlag === 'x') this.#extensions = { ...this.#extensions, records };
      }
    }
    this.#beginPadding();
  }

  #beginEntry(header: Header, block: Buffer, start: number): void {
    this.#path = header.path;
    if (++this.#entries > this.#limits.entries)
      throw overLimit('archive has too many entries', this.#limits.entries);
    const { records } = this.#extensions;
    const draft = draftEntry(header, this.#extensions);
    this.#path = draft.entry.path;
    this.#extensions = noExtensions;
    this.#padding = paddingLength(draft.stored);
    const sparse = openSparse(header, block, start, records, this.#limits.sparseMapBytes);
    if (sparse !== undefined) this.#readSparseMap(draft, sparse);
    else this.#beginContent(draft.entry, draft.stored);
  }

  #readSparseMap(draft: Draft, sparse: SparseFile): void {
    const { map } = sparse;
    if (!map.more) {
      this.#beginSparse(draft, sparse);
      return;
    }
    this.#expect('sparse-map', blockSize);
    this.#onMapBlock = (block, start) => {
      map.add(block, start);
      this.#readSparseMap(draft, sparse);
    };
  }

  #beginSparse(
    { entry, stored }: Draft,
    { map, size = stored, path = entry.path }: SparseFile,
  ): void {
    const storedContent = stored - map.contentBytes;
    if (entry.type !== 'file') throw invalid('only a file can be sparse');
    checkRegions(map.regions, size, storedContent);
    this.#beginContent({ ...entry, path, size }, storedContent, map.regions);
  }

  #beginContent(entry: TarEntry, stored: number, regions?: readonly Region[]): void {
    checkNames(entry, this.#limits);
    this.#contentBytes += Math.max(entry.size, stored);
    if (this.#contentBytes > this.#limits.contentBytes)
      throw overLimit('archive has too much content', this.#limits.contentBytes);
    this.#handler.entry(entry);
    this.#isFile = entry.type === 'file';
    if (this.#isFile) this.#feed.begin(entry.size, regions ?? [{ offset: 0, length: entry.size }]);
    if (stored > 0) this.#expect('content', stored);
    else this.#beginPadding();
  }
}
