/**
 * Peak memory of whole processes that unpack and capture what is as large as it may be (security.md T12, T17, L14,
 * invariant I10; the aim for a layer of 4 GB is 200 MB).
 */

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { device } from './support/archive.ts';
import { gigabytes, manyEntries, writeLarge } from './support/large-layers.ts';

const child = fileURLToPath(new URL('./support/peak-child.ts', import.meta.url));
/** Reading sources instead of compiled files costs each thread this much. */
const typeStripping = 30;

/** Mebibytes, and what the call returned, or the code of its error. */
interface Peak {
  readonly megabytes: number;
  readonly outcome: unknown;
}

function peakOf(action: 'unpack' | 'capture', directory: string): Peak {
  const { stdout, stderr } = spawnSync(process.execPath, [child, action, directory], {
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Peak;
}

function place(t: Test, compression: 'gzip' | 'zstd', parts: Iterable<Buffer>): string {
  const directory = t.testdir();
  const layer = writeLarge(join(directory, 'blob'), compression, parts);
  writeFileSync(join(directory, 'layer.json'), JSON.stringify(layer));
  return directory;
}

t.test('T17 a million entries, unpacked and compared', async (t) => {
  const directory = place(t, 'gzip', manyEntries(1_000_000, '3'));
  const unpacked = peakOf('unpack', directory);
  t.match(unpacked.outcome, { entries: 1_001_000 });
  t.ok(unpacked.megabytes < 240 + typeStripping, `${unpacked.megabytes} MiB`);
  mkdirSync(join(directory, 'result'));
  const captured = peakOf('capture', directory);
  t.match(captured.outcome, { uncompressedSize: 513_024 }, 'a thousand directories are gone');
  t.ok(captured.megabytes < 240 + typeStripping, `${captured.megabytes} MiB`);
});

t.test('T17 names that do not fit into memory are refused', async (t) => {
  const directory = place(t, 'gzip', manyEntries(1_500_000, '3', '_'.repeat(80)));
  const { megabytes, outcome } = peakOf('unpack', directory);
  t.equal(outcome, 'LIMIT_EXCEEDED');
  t.ok(megabytes < 300 + typeStripping, `${megabytes} MiB`);
  t.same(readdirSync(join(directory, 'target')), []);
});

t.test('T17 extended attributes that do not fit into memory are refused', async (t) => {
  const xattrs = { 'user.big': 'x'.repeat(2 ** 19) };
  const entry = device('d', 'character', [0, 0], { xattrs });
  const parts = Array.from({ length: 2000 }, () => entry);
  const directory = place(t, 'zstd', [...parts, Buffer.alloc(1024)]);
  const { megabytes, outcome } = peakOf('unpack', directory);
  t.equal(outcome, 'LIMIT_EXCEEDED');
  t.ok(megabytes < 300, `${megabytes} MiB`);
  t.same(readdirSync(join(directory, 'target')), []);
});

t.test('L14 a layer of 4 GiB, unpacked and captured', async (t) => {
  const directory = place(t, 'gzip', gigabytes(4, 'x'));
  const unpacked = peakOf('unpack', directory);
  t.match(unpacked.outcome, { entries: 1, bytes: 4 * 2 ** 30 });
  t.ok(unpacked.megabytes < 200, `${unpacked.megabytes} MiB`);
  mkdirSync(join(directory, 'result'));
  copyFileSync('/dev/null', join(directory, 'result/file'));
  truncateSync(join(directory, 'result/file'), 4 * 2 ** 30);
  const captured = peakOf('capture', directory);
  t.match(captured.outcome, { uncompressedSize: 4 * 2 ** 30 + 1536 });
  t.ok(captured.megabytes < 200 + typeStripping, `${captured.megabytes} MiB`);
});

t.test(
  'T12 a zstd layer of more zeros than the ratio allows is accepted, and takes no room',
  async (t) => {
    const directory = place(t, 'zstd', gigabytes(2, '\0'));
    const unpacked = peakOf('unpack', directory);
    t.match(unpacked.outcome, { entries: 1 });
    const { size, blocks } = statSync(join(directory, 'target/fs/file'));
    t.equal(size, 2 ** 30);
    t.ok(blocks * 512 < 2 ** 20, `${blocks} blocks`);
  },
);
