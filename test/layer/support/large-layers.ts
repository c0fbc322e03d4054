/** Layers too large to be held in memory, written to a file as they are made. */

import { createHash } from 'node:crypto';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { header } from '../../../spec-fixtures/tar/builder.ts';
import type { LayerFile } from '../../../src/layer/index.ts';
import { type Digest, parseDigest } from '../../../src/model/index.ts';

const plainName = 'd000/x0000000';

/** Writes parts as members of one blob, one after the other, and describes the layer. */
export function writeLarge(
  path: string,
  compression: 'gzip' | 'zstd',
  parts: Iterable<Buffer>,
): LayerFile {
  const fd = openSync(path, 'w');
  const hash = createHash('sha256');
  let last: { readonly part: Buffer; readonly packed: Buffer } | undefined;
  for (const part of parts) {
    hash.update(part);
    if (last?.part !== part) last = { part, packed: pack(part, compression) };
    writeSync(fd, last.packed);
  }
  closeSync(fd);
  const diffId: Digest = parseDigest(`sha256:${hash.digest('hex')}`);
  return { path, compression, diffId, size: statSync(path).size };
}

function pack(part: Buffer, compression: 'gzip' | 'zstd'): Buffer {
  return compression === 'gzip' ? gzipSync(part, { level: 1 }) : zstdCompressSync(part);
}

/** Yields entries without content in a thousand directories that nothing describes; names may have an ending. */
export function* manyEntries(count: number, flag: string, ending = ''): Generator<Buffer> {
  const head = header({ name: plainName + ending, flag });
  const sum = Number.parseInt(head.toString('latin1', 148, 154), 8);
  const together = 1000;
  for (let at = 0; at < count; at += together) {
    const block = Buffer.alloc(512 * together, head);
    for (let i = 0; i < together; i += 1) rename(block.subarray(i * 512), sum, at + i);
    yield block;
  }
  yield Buffer.alloc(1024);
}

/** Puts a number into the name and corrects the checksum. */
function rename(head: Buffer, sum: number, i: number): void {
  const digits = `${Math.floor(i / 1000) % 1000}`.padStart(3, '0');
  const name = `d${digits}/x${String(i).padStart(7, '0')}`;
  head.write(name, 0, 'latin1');
  head.write((sum + sumOf(name) - sumOf(plainName)).toString(8).padStart(6, '0'), 148, 'latin1');
}

function sumOf(text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i += 1) sum += text.charCodeAt(i);
  return sum;
}

/** Yields one name again and again, each time with another gigabyte of one byte: no more of it stays on the disk. */
export function* gigabytes(count: number, byte: string): Generator<Buffer> {
  const head = header({ name: 'file', size: 2 ** 30 });
  const content = Buffer.alloc(2 ** 24, byte);
  for (let i = 0; i < count; i += 1) {
    yield head;
    for (let at = 0; at < 2 ** 30; at += content.length) yield content;
  }
  yield Buffer.alloc(1024);
}
