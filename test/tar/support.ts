/** Reads archives into plain values that can be compared with what other programs read. */

import { createHash } from 'node:crypto';
import { BuildError } from '../../src/errors/index.ts';
import { type TarEntry, TarReader, type TarReaderOptions } from '../../src/tar/index.ts';

/** One entry with its content. */
export interface ReadEntry extends TarEntry {
  readonly content: Buffer;
  /** How many bytes of the content arrived as holes. */
  readonly holes: number;
}

/** What a reader made of an archive: entries up to its end, or up to where it was refused. */
export interface Reading {
  readonly entries: readonly ReadEntry[];
  readonly refusal: BuildError | undefined;
}

/** Reads an archive in chunks of the given sizes, over and over; the whole in one chunk by default. */
export function read(
  archive: Uint8Array,
  options: TarReaderOptions = {},
  chunkSizes: readonly number[] = [archive.length || 1],
): Reading {
  const entries: { entry: TarEntry; parts: Buffer[]; holes: number }[] = [];
  const last = () => entries.at(-1) ?? fail('content before any entry');
  const reader = new TarReader(
    {
      entry: (entry) => void entries.push({ entry, parts: [], holes: 0 }),
      data: (chunk) => void last().parts.push(Buffer.from(chunk)),
      hole: (length) => {
        last().parts.push(Buffer.alloc(length));
        last().holes += length;
      },
    },
    options,
  );
  const refusal = attempt(() => feed(reader, archive, chunkSizes));
  return {
    entries: entries.map(({ entry, parts, holes }) => ({
      ...entry,
      content: Buffer.concat(parts),
      holes,
    })),
    refusal,
  };
}

function feed(reader: TarReader, archive: Uint8Array, chunkSizes: readonly number[]): void {
  for (let at = 0, turn = 0; at < archive.length; turn++) {
    const size = chunkSizes[turn % chunkSizes.length] ?? 1;
    // A copy that is overwritten afterwards shows whether the reader kept a view of it.
    const chunk = Uint8Array.from(archive.subarray(at, at + size));
    reader.write(chunk);
    chunk.fill(0xee);
    at += size;
  }
  reader.end();
}

/** Runs an action; returns the BuildError it throws. Anything else thrown is a bug and passes through. */
export function attempt(action: () => void): BuildError | undefined {
  try {
    action();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof BuildError) return thrown;
    throw thrown;
  }
}

/** Returns a short digest of content. */
export function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

function fail(message: string): never {
  throw new Error(message);
}
