/**
 * Archives made to break readers, named by the ids and advisories they stand for: T13 (sizes), T17 (amounts),
 * T19 and T21 (names), and the ways in which popular readers part from Go's.
 */

import { ambiguousVectors, sparseVectors } from './ambiguous-vectors.ts';
import {
  archive,
  base256,
  endMarker,
  gnuLong,
  header,
  member,
  oldGnuSparse,
  pax,
} from './builder.ts';
import { refused, type Vector } from './vector.ts';

const limited = (name: string, build: () => Buffer): Vector => ({
  name,
  build,
  expect: 'LIMIT_EXCEEDED',
});
const withSize = (size: string) =>
  archive(member({ name: 'file', size }, 'content'), member({ name: 'next' }));
const withPaxSize = (size: string) =>
  archive(pax([['size', size]]), member({ name: 'file' }, 'content'));

/** T13, CVE-2026-59874, libarchive/libarchive#2644: sizes that are negative, no numbers, or beyond the archive. */
export const sizeVectors: readonly Vector[] = [
  refused('T13 size -1 in base-256', () => withSize(base256(-1n, 12))),
  refused('T13 size -512 in base-256', () => withSize(base256(-512n, 12))),
  refused('T13 directory of size -512', () =>
    archive(member({ name: 'dir/', flag: '5', size: base256(-512n, 12) })),
  ),
  refused('T13 octal size with a minus sign', () => withSize('-0000000010\0')),
  refused('T13 size zzzz', () => withSize('zzzz')),
  refused('T13 octal size with text after it', () => withSize('0000000007 x')),
  refused('T13 size in decimal digits', () => withSize('00000000009\0')),
  refused('T13 size with first byte 0x81', () => withSize(`\x81${'\0'.repeat(11)}`)),
  refused('T13 size 2^60', () => withSize(base256(2n ** 60n, 12))),
  refused('T13 size 2^63-1', () => withSize(base256(2n ** 63n - 1n, 12))),
  refused('T13 size 2^63', () => withSize(base256(2n ** 63n, 12))),
  limited('T13 size 2^53-1', () => withSize(base256(2n ** 53n - 1n, 12))),
  refused('T13 size 8 GiB - 1 of which nothing follows', () => withSize('77777777777\0')),
  ...[
    '-1',
    '5abc',
    '1e1',
    '0x10',
    '',
    ' 7',
    '7 ',
    '+7',
    '7.0',
    '9223372036854775808',
    '9'.repeat(400),
  ].map((size) => refused(`T13 pax size "${size.slice(0, 20)}"`, () => withPaxSize(size))),
];

/** T17, CVE-2022-2879, COMPRESS-723, CVE-2025-58183, GHSA-f5x3-32g6-xq36: amounts that an archive controls. */
export const amountVectors: readonly Vector[] = [
  limited('T17 pax header of 2 MiB', () =>
    archive(pax([['comment', 'x'.repeat(2 ** 21)]]), member({ name: 'a' })),
  ),
  limited('T17 pax header that claims 1 GiB', () =>
    archive(header({ name: 'x', flag: 'x', size: 2 ** 30 })),
  ),
  limited('T17 global pax header that claims 1 GiB', () =>
    archive(header({ name: 'g', flag: 'g', size: 2 ** 30 })),
  ),
  limited('T17 GNU long name that claims 1 GiB', () =>
    archive(header({ name: 'l', flag: 'L', magic: 'gnu', size: 2 ** 30 })),
  ),
  limited('T17 100,000 pax records', () =>
    archive(pax('7 a=bc\n'.repeat(100_000)), member({ name: 'a' })),
  ),
  limited('T17 path of 4,097 bytes', () =>
    archive(pax([['path', `${'a/'.repeat(2048)}b`]]), member({ name: 'a' })),
  ),
  limited('T17 path of 4,097 bytes by a GNU long name', () =>
    archive(gnuLong('L', `${'a/'.repeat(2048)}b\0`), member({ name: 'a', magic: 'gnu' })),
  ),
  limited('T17 path 2,000 deep', () =>
    archive(pax([['path', `${'a/'.repeat(1999)}b`]]), member({ name: 'a' })),
  ),
  limited('T17 component of 256 bytes', () =>
    archive(pax([['path', `a/${'b'.repeat(256)}`]]), member({ name: 'a' })),
  ),
  limited('T17 link target of 4,097 bytes', () =>
    archive(pax([['linkpath', 'a'.repeat(4097)]]), member({ name: 'a', flag: '2', linkName: 'b' })),
  ),
  limited('T17 sparse map without end (CVE-2025-58183)', () => {
    const extension = Buffer.alloc(512);
    extension[504] = 1;
    const first = header({ name: 's', flag: 'S', magic: 'gnu', raw: [[482, '\x01']] });
    return Buffer.concat([first, ...Array.from({ length: 2100 }, () => extension), endMarker]);
  }),
  limited('T17 sparse file of 1 TiB in one block', () =>
    archive(oldGnuSparse({ name: 's', realSize: base256(2n ** 40n, 12) }, [[0, 1]], 'x')),
  ),
];

/** T21, T19: names that are legal, if unpleasant, and must come out byte by byte. */
export const nameVectors: readonly Vector[] = [
  ['backslash', 'a\\b'],
  ['drive letter', 'C:\\Windows'],
  ['newline', 'a\nb'],
  ['escape sequence', 'a\x1b[31mb'],
  ['right-to-left override', 'a\xe2\x80\xaeb'],
  ['invalid UTF-8', 'a\xff\xfeb'],
  ['delete character', 'a\x7fb'],
  ['leading dash', '--checkpoint-action=exec=sh'],
  ['dots', '../../x/./y'],
  ['absolute', '/abs/x'],
].map(([what, path]) => ({
  name: `T21 name with ${what}`,
  build: () => archive(member({ name: path ?? '' }, 'x')),
  expect: [{ path: path ?? '', content: 'x' }],
}));

/** T19, CVE-2018-20834, CVE-2026-23950: entries that some systems would take for one another stay apart, in order. */
export const duplicateVectors: readonly Vector[] = [
  {
    name: 'T19 file, hard link, file of one name',
    build: () =>
      archive(
        member({ name: 'x' }, '1'),
        member({ name: 'x', flag: '1', linkName: 'y' }),
        member({ name: 'x' }, '2'),
      ),
    expect: [
      { path: 'x', content: '1' },
      { path: 'x', type: 'hardlink', linkName: 'y' },
      { path: 'x', content: '2' },
    ],
  },
  {
    name: 'T19 names that differ in case, composition, sharp s, or by ./',
    build: () =>
      archive(
        ...['a', 'A', '\xc3\xa9', 'e\xcc\x81', '\xc3\x9f', 'ss', './a'].map((name) =>
          member({ name }),
        ),
      ),
    expect: ['a', 'A', '\xc3\xa9', 'e\xcc\x81', '\xc3\x9f', 'ss', './a'].map((path) => ({ path })),
  },
];

/** Every hostile vector. */
export const hostileVectors: readonly Vector[] = [
  ...sizeVectors,
  ...amountVectors,
  ...nameVectors,
  ...duplicateVectors,
  ...ambiguousVectors,
  ...sparseVectors,
];
