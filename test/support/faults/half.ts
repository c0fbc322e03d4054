/** The first half of a call that writes, as a full disk or a power cut in the middle of it leaves things. */

import { copyFileSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';

// Taken before anything is replaced.
const [copyFile, truncate, writeFile, write] = [
  copyFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
];

/** Returns what writes the half of a call; undefined for a call that has none. */
export function halfOf(name: string, args: readonly unknown[]): (() => void) | undefined {
  const [place, data, ...rest] = args;
  if (name === 'copyFile') return () => copyHalf(String(place), String(data));
  if (name === 'write') return writtenHalf(place, data, rest);
  if (name !== 'writeFile' && name !== 'appendFile') return undefined;
  const bytes = bytesOf(data);
  const flag = flagOf(rest[0]) ?? (name === 'writeFile' ? 'w' : 'a');
  if (bytes === undefined) return undefined;
  return () => writeFile(place as string | number, bytes.subarray(0, bytes.length / 2), { flag });
}

function copyHalf(from: string, to: string): void {
  copyFile(from, to);
  truncate(to, Math.floor(statSync(from).size / 2));
}

function writtenHalf(fd: unknown, data: unknown, rest: readonly unknown[]) {
  const bytes = bytesOf(data);
  if (bytes === undefined || typeof fd !== 'number') return undefined;
  const [offset, length, position] = (
    typeof data === 'string' ? [0, undefined, rest[0]] : rest
  ).map((value) => (typeof value === 'number' ? value : undefined));
  const end = (offset ?? 0) + (length ?? bytes.length - (offset ?? 0)) / 2;
  const half = bytes.subarray(offset ?? 0, end);
  return () => void write(fd, half, 0, half.length, position ?? null);
}

function bytesOf(data: unknown): Buffer | undefined {
  if (typeof data === 'string') return Buffer.from(data);
  if (!ArrayBuffer.isView(data)) return undefined;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

function flagOf(options: unknown): string | undefined {
  return (options as { readonly flag?: string } | undefined)?.flag;
}
