/** Captures changes in this thread and reads what came out. */

import { Capturing } from '../../../src/layer/capture/capturing.ts';
import type { CaptureRequest } from '../../../src/layer/index.ts';
import { type ByteString, byteStringOf } from '../../../src/model/index.ts';
import { type TarEntry, TarReader } from '../../../src/tar/index.ts';
import { mapping } from './scene.ts';

/** The epoch of all captures here. */
export const epoch = 1_600_000_000_000_000_000n;

/** Directories to compare, and what differs from the usual. */
export type CaptureChoices = Pick<CaptureRequest, 'lower' | 'result'> &
  Partial<Pick<CaptureRequest, 'upper' | 'timestamps' | 'owner'>> & {
    readonly exclude?: readonly string[];
  };

/** The layer, and what was said about it. */
export interface Captured {
  readonly bytes: Buffer;
  readonly warnings: readonly string[];
  readonly entries: number;
  readonly whiteouts: number;
}

/** Captures in buffers of a size that cuts headers and contents anywhere. */
export function capture(choices: CaptureChoices, bufferSize = 1 << 16): Captured {
  const { lower, result, upper, timestamps = 'clamp', owner = { uid: 0, gid: 0 } } = choices;
  const exclude = (choices.exclude ?? ['dev', 'proc', 'sys']).map(byteStringOf);
  const rules = { idMapping: mapping, owner, timestamps, epoch };
  using capturing = new Capturing({ lower, result, upper, exclude, rules });
  const parts: Buffer[] = [];
  while (true) {
    const buffer = new ArrayBuffer(bufferSize);
    const part = capturing.fill(buffer);
    if (part === undefined) throw new Error('captured beyond the end');
    parts.push(Buffer.from(buffer, 0, part.length));
    if (part.isLast) return { bytes: Buffer.concat(parts), ...part.counts };
  }
}

/** An entry and its content. */
export type Entry = TarEntry & { readonly content: string };

/** Reads the entries of a layer. */
export function entriesOf(bytes: Buffer): Entry[] {
  const entries: { entry: TarEntry; chunks: Buffer[] }[] = [];
  const reader = new TarReader({
    entry: (entry) => entries.push({ entry, chunks: [] }),
    data: (chunk) => entries.at(-1)?.chunks.push(Buffer.from(chunk)),
  });
  reader.write(bytes);
  reader.end();
  return entries.map(({ entry, chunks }) => ({
    ...entry,
    content: Buffer.concat(chunks).toString('latin1'),
  }));
}

/** Names of entries in order, directories with a slash behind them. */
export function namesOf(bytes: Buffer): string[] {
  return entriesOf(bytes).map(({ path, type }) => (type === 'directory' ? `${path}/` : path));
}

/** Finds an entry. */
export function entryAt(bytes: Buffer, path: string): Entry | undefined {
  return entriesOf(bytes).find((entry) => entry.path === (path as ByteString));
}
