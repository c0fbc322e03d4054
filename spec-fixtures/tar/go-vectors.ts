/**
 * The cases of Go's archive/tar reader tests, built anew. Each is named after the file in Go's testdata whose
 * meaning it repeats; `test/tar/go-testdata.test.ts` also reads the files themselves where Go is installed.
 */

import {
  archive,
  base256,
  endMarker,
  gnuLong,
  header,
  member,
  octal,
  oldGnuSparse,
} from './builder.ts';
import { goPaxVectors, goSparseVectors } from './go-vectors-extended.ts';
import type { ExpectedEntry, Vector } from './vector.ts';

const small = { uid: 73025, gid: 5000, mode: 0o640, userName: 'dsymonds', groupName: 'eng' };
const smallFile = { name: 'small.txt', mtime: 1244428340, ...small };
const small2File = { name: 'small2.txt', mtime: 1244436044, ...small };
const smallEntries: readonly ExpectedEntry[] = [
  {
    path: 'small.txt',
    type: 'file',
    mode: 0o640,
    uid: 73025,
    gid: 5000,
    size: 5,
    mtime: 1244428340_000000000n,
    content: 'Kilts',
  },
  {
    path: 'small2.txt',
    type: 'file',
    mode: 0o640,
    uid: 73025,
    gid: 5000,
    size: 11,
    mtime: 1244436044_000000000n,
    content: 'Google.com\n',
  },
];
const twoSmall = (magic: 'gnu' | 'star' | 'v7' | 'ustar') =>
  archive(
    member({ ...smallFile, magic }, 'Kilts'),
    member({ ...small2File, magic }, 'Google.com\n'),
  );

const plainVectors: readonly Vector[] = [
  { name: 'gnu.tar', build: () => twoSmall('gnu'), expect: smallEntries },
  { name: 'star.tar', build: () => twoSmall('star'), expect: smallEntries },
  { name: 'v7.tar', build: () => twoSmall('v7'), expect: smallEntries },
  {
    name: 'ustar.tar',
    build: () =>
      archive(member({ name: 'file.txt', prefix: 'longname/'.repeat(17).slice(0, -1) }, 'hello\n')),
    expect: [{ path: `${'longname/'.repeat(17)}file.txt`, size: 6, content: 'hello\n' }],
  },
  {
    name: 'file-and-dir.tar',
    build: () =>
      archive(member({ name: 'small.txt' }, 'Kilts'), member({ name: 'dir/', flag: '5' })),
    expect: [
      { path: 'small.txt', type: 'file' },
      { path: 'dir', type: 'directory', size: 0 },
    ],
  },
  {
    name: 'hardlink.tar',
    build: () =>
      archive(
        member({ name: 'file.txt' }, 'Slartibartfast\n'),
        member({ name: 'hard.txt', flag: '1', linkName: 'file.txt', size: 15 }),
      ),
    expect: [
      { path: 'file.txt', size: 15 },
      { path: 'hard.txt', type: 'hardlink', linkName: 'file.txt', size: 0 },
    ],
  },
  {
    name: 'nil-uid.tar',
    build: () =>
      archive(
        member(
          { name: 'P1050238.JPG.log', uid: '\0'.repeat(8), gid: '\0'.repeat(8), magic: 'gnu' },
          '12:34:56 log\n',
        ),
      ),
    expect: [{ path: 'P1050238.JPG.log', uid: 0, gid: 0, size: 13 }],
  },
  {
    name: 'ustar-file-devs.tar',
    build: () => archive(member({ name: 'file', deviceMajor: 1, deviceMinor: 1 })),
    expect: [{ path: 'file', type: 'file', deviceMajor: 0, deviceMinor: 0 }],
  },
  {
    name: 'invalid-go17.tar',
    build: () =>
      archive(
        member({ name: 'foo', magic: 'gnu', uid: base256(0o10000000n, 8), prefix: 'a'.repeat(97) }),
      ),
    expect: [{ path: `${'a'.repeat(97)}/foo`, uid: 0o10000000 }],
  },
];

const headersWithSizeButNoContent: Vector = {
  name: 'hdr-only.tar',
  build: () => {
    const kinds = (size: number) => [
      header({ name: 'dir/', flag: '5', size, mode: 0o755 }),
      header({ name: 'fifo', flag: '6', size }),
      member({ name: 'file' }, 'This is a file\n'),
      header({ name: 'hardlink', flag: '1', linkName: 'file', size }),
      header({ name: 'null', flag: '3', deviceMajor: 1, deviceMinor: 3, size }),
      header({ name: 'sda', flag: '4', deviceMajor: 8, deviceMinor: 0, size }),
      header({ name: 'symlink', flag: '2', linkName: 'file', size }),
    ];
    return archive(...kinds(0), ...kinds(0o4600));
  },
  expect: [1, 2].flatMap(() => [
    { path: 'dir', type: 'directory', size: 0, mode: 0o755 },
    { path: 'fifo', type: 'fifo', size: 0 },
    { path: 'file', type: 'file', content: 'This is a file\n' },
    { path: 'hardlink', type: 'hardlink', linkName: 'file', size: 0 },
    { path: 'null', type: 'character-device', deviceMajor: 1, deviceMinor: 3, size: 0 },
    { path: 'sda', type: 'block-device', deviceMajor: 8, deviceMinor: 0, size: 0 },
    { path: 'symlink', type: 'symlink', linkName: 'file', size: 0 },
  ]),
};

const gnuVectors: readonly Vector[] = [
  {
    name: 'gnu-multi-hdrs.tar',
    build: () =>
      archive(
        gnuLong('L', 'GNU1/long\0'),
        gnuLong('L', 'GNU2/GNU2/long-path-name\0'),
        gnuLong('K', 'GNU3/x\0'),
        gnuLong('K', 'GNU4/GNU4/long-linkpath-name\0'),
        member({ name: 'foo', flag: '2', linkName: 'bar', magic: 'gnu' }),
      ),
    expect: [
      {
        path: 'GNU2/GNU2/long-path-name',
        type: 'symlink',
        linkName: 'GNU4/GNU4/long-linkpath-name',
      },
    ],
  },
  {
    name: 'gnu-long-nul.tar',
    build: () =>
      archive(gnuLong('L', '0123456789\0hidden\0'), member({ name: 'short', magic: 'gnu' })),
    expect: [{ path: '0123456789' }],
  },
  {
    name: 'gnu-utf8.tar',
    build: () =>
      archive(
        gnuLong('L', `${'\xe2\x98\xba'.repeat(57)}\0`),
        member({ name: 'x', magic: 'gnu', deviceMinor: base256(-1n, 8) }),
      ),
    expect: [{ path: '\xe2\x98\xba'.repeat(57), deviceMinor: 0 }],
  },
  {
    name: 'gnu-not-utf8.tar',
    build: () => archive(member({ name: 'hi\x80\x81\x82\x83bye', magic: 'gnu' })),
    expect: [{ path: 'hi\x80\x81\x82\x83bye' }],
  },
  {
    name: 'gnu-incremental.tar',
    build: () =>
      archive(
        member({ name: 'test2/', flag: 'D', mode: 0o40755, magic: 'gnu' }, 'Yfoo\0Ysparse\0\0'),
        member({ name: 'test2/foo', mode: 0o100644, magic: 'gnu' }, 'foo'),
        oldGnuSparse({ name: 'test2/sparse', realSize: 1048576 }, [[1048576, 0]], ''),
      ),
    expect: [
      { path: 'test2', type: 'directory', mode: 0o755, size: 0 },
      { path: 'test2/foo', mode: 0o644, content: 'foo' },
      { path: 'test2/sparse', size: 1048576 },
    ],
  },
  {
    name: 'neg-size.tar',
    build: () => archive(member({ name: 'file', magic: 'gnu', size: base256(-1n, 12) })),
    expect: 'TAR_INVALID',
  },
  {
    name: 'issue10968.tar (size is no number)',
    build: () => archive(member({ name: 'file', size: '\x01\x02\x03junk' })),
    expect: 'TAR_INVALID',
  },
  {
    name: 'issue12435.tar (number overflows 64 bits)',
    build: () =>
      archive(member({ name: 'file', magic: 'gnu', mtime: '\x80\xff'.padEnd(12, '\xff') })),
    expect: 'TAR_INVALID',
  },
];

const layouts: readonly Vector[] = [
  {
    name: 'prefix of star ends where its times begin',
    build: () =>
      archive(
        member({
          name: 'f',
          magic: 'star',
          prefix: 'p'.repeat(131),
          raw: [
            [476, octal(7, 12)],
            [488, octal(7, 12)],
          ],
        }),
      ),
    expect: [{ path: `${'p'.repeat(131)}/f` }],
  },
  {
    name: 'times of star must be numbers',
    build: () => archive(member({ name: 'f', magic: 'star', raw: [[476, 'no number']] })),
    expect: 'TAR_INVALID',
  },
  {
    name: 'times of GNU are no prefix',
    build: () =>
      archive(
        member({
          name: 'f',
          magic: 'gnu',
          raw: [
            [345, octal(7, 12)],
            [357, octal(7, 12)],
          ],
        }),
      ),
    expect: [{ path: 'f' }],
  },
  {
    name: 'times of GNU that are no numbers and no ASCII are ignored',
    build: () => archive(member({ name: 'f', magic: 'gnu', raw: [[345, 'caf\xc3\xa9']] })),
    expect: [{ path: 'f' }],
  },
];

const endings: readonly Vector[] = [
  { name: 'nothing at all', build: () => Buffer.alloc(0), expect: [] },
  { name: 'end marker alone', build: () => archive(), expect: [] },
  {
    name: 'no end marker',
    build: () => member({ name: 'a' }, 'a'),
    expect: [{ path: 'a', content: 'a' }],
  },
  {
    name: 'one zero block at the end',
    build: () => Buffer.concat([member({ name: 'a' }, 'a'), endMarker.subarray(512)]),
    expect: [{ path: 'a' }],
  },
  {
    name: 'last padding is missing',
    build: () => member({ name: 'a' }, 'a').subarray(0, 513),
    expect: [{ path: 'a', content: 'a' }],
  },
  {
    name: 'one zero block, then half a block',
    build: () => Buffer.concat([member({ name: 'a' }), endMarker.subarray(0, 768)]),
    expect: 'TAR_INVALID',
  },
  {
    name: 'half a header',
    build: () => member({ name: 'a' }).subarray(0, 256),
    expect: 'TAR_INVALID',
  },
  {
    name: 'half a content',
    build: () => member({ name: 'a' }, 'a'.repeat(600)).subarray(0, 600),
    expect: 'TAR_INVALID',
  },
];

/** All vectors whose meaning Go's reader defines. */
export const goVectors: readonly Vector[] = [
  ...plainVectors,
  headersWithSizeButNoContent,
  ...gnuVectors,
  ...goSparseVectors,
  ...goPaxVectors,
  ...layouts,
  ...endings,
];
