/**
 * Makes trees for benchmarks: the same bytes everywhere, many small files among few large ones, text that
 * compresses like source code and parts that do not compress.
 */

import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';

/** What a tree holds. */
export interface TreeShape {
  readonly files: number;
  /** Bytes of all files together, about. */
  readonly bytes: number;
  /** Share of the bytes that do not compress, such as archives and images. */
  readonly incompressible: number;
}

const filesPerDirectory = 12;

/** Writes a tree below a directory, which must not exist. */
export function makeTree(directory: string, shape: TreeShape): void {
  const random = generator(shape.files);
  const [text, noise] = [sourceText(random), noiseOf(2 ** 22)];
  const sizes = fileSizes(shape, random);
  let made = '';
  for (const [i, size] of sizes.entries()) {
    const group = Math.floor(i / filesPerDirectory);
    const folder = join(directory, `d${group % 40}`, `package-${group}`, 'lib');
    if (folder !== made) fs.mkdirSync(folder, { recursive: true });
    made = folder;
    const body = random() < shape.incompressible ? noise : text;
    fs.writeFileSync(join(folder, `file-${i}.js`), slice(body, size, random));
  }
}

/** Most files are a few kilobytes, a few are megabytes, as in node_modules and in distributions. */
function fileSizes({ files, bytes }: TreeShape, random: () => number): number[] {
  const weights = Array.from({ length: files }, () => Math.exp(4 * random() ** 3 + random() * 2));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => Math.floor((weight / total) * bytes));
}

function sourceText(random: () => number): Buffer {
  const words = Array.from({ length: 3000 }, (_, i) =>
    createHash('md5')
      .update(`${i}`)
      .digest('base64')
      .slice(0, 3 + (i % 9)),
  );
  const marks = [' ', ' ', ' ', '\n', '(', ') {\n  ', ';\n', '.', ' = ', ', '];
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() ** 2 * list.length)] as T;
  const phrase = () => Array.from({ length: 12 }, () => pick(words) + pick(marks)).join('');
  const phrases = Array.from({ length: 2000 }, phrase);
  const parts: string[] = [];
  for (let length = 0; length < 2 ** 22; ) {
    const part = random() < 0.85 ? pick(phrases) : phrase();
    parts.push(part);
    length += part.length;
  }
  return Buffer.from(parts.join(''));
}

function noiseOf(length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 64 < length; i += 1)
    blocks.push(createHash('sha512').update(`${i}`).digest());
  return Buffer.concat(blocks);
}

function slice(body: Buffer, size: number, random: () => number): Buffer {
  const parts: Buffer[] = [];
  for (let left = size; left > 0; ) {
    const start = Math.floor(random() * body.length);
    const part = body.subarray(start, start + left);
    parts.push(part);
    left -= part.length;
  }
  return Buffer.concat(parts);
}

/** A small generator of numbers from 0 to 1: the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
