/** Archives that popular readers take for something else than Go's reader does, and maps that lie. */

import {
  archive,
  base256,
  endMarker,
  gnuLong,
  header,
  member,
  oldGnuSparse,
  padded,
  pax,
  record,
} from './builder.ts';
import { refused, type Vector } from './vector.ts';

/** Where tar-stream, node-tar, GNU tar or Python read something else than Go: one meaning, or a refusal. */
export const ambiguousVectors: readonly Vector[] = [
  {
    name: 'entries after the end marker do not exist',
    build: () => archive(member({ name: 'a' }), endMarker, member({ name: 'hidden' })),
    expect: [{ path: 'a' }],
  },
  {
    name: 'global pax path and size change nothing',
    build: () =>
      archive(
        pax(
          [
            ['path', 'evil'],
            ['size', '0'],
            ['linkpath', 'evil'],
          ],
          'g',
        ),
        pax([['mtime', '5']]),
        member({ name: 'a' }, 'abc'),
      ),
    expect: [{ path: 'a', content: 'abc', mtime: 5_000000000n }],
  },
  refused('a global header between an extended header and its entry', () =>
    archive(pax([['path', 'b']]), pax([['comment', 'c']], 'g'), member({ name: 'a' })),
  ),
  refused('a lone zero block between entries', () =>
    archive(member({ name: 'a' }), endMarker.subarray(512), member({ name: 'b' })),
  ),
  {
    name: 'GNU long name of size 0 means nothing',
    build: () => archive(gnuLong('L', ''), member({ name: 'a', magic: 'gnu' }, 'x')),
    expect: [{ path: 'a', content: 'x' }],
  },
  {
    name: 'pax size wins over the header',
    build: () =>
      archive(pax([['size', '3']]), member({ name: 'a', size: 512 }, 'abc'), member({ name: 'b' })),
    expect: [{ path: 'a', content: 'abc' }, { path: 'b' }],
  },
  {
    name: 'v7 directory: type NUL and a trailing slash',
    build: () =>
      archive(header({ name: 'dir/', flag: '\0', magic: 'v7', size: 512 }), member({ name: 'b' })),
    expect: [{ path: 'dir', type: 'directory', size: 0 }, { path: 'b' }],
  },
  {
    name: 'type NUL without a trailing slash is a file',
    build: () => archive(member({ name: 'f', flag: '\0', magic: 'v7' }, 'x')),
    expect: [{ path: 'f', type: 'file', content: 'x' }],
  },
  {
    name: 'contiguous file',
    build: () => archive(member({ name: 'f', flag: '7' }, 'x')),
    expect: [{ path: 'f', type: 'file', content: 'x' }],
  },
  {
    name: 'checksum of signed bytes',
    build: () => archive(member({ name: '\xff\xfe', checksum: 'signed' })),
    expect: [{ path: '\xff\xfe' }],
  },
  {
    name: 'empty pax path keeps the header',
    build: () => archive(pax([['path', '']]), member({ name: 'a' })),
    expect: [{ path: 'a' }],
  },
  {
    name: 'last of two pax records of one key',
    build: () =>
      archive(
        pax([
          ['path', 'b'],
          ['path', 'c'],
        ]),
        member({ name: 'a' }),
      ),
    expect: [{ path: 'c' }],
  },
  {
    name: 'GNU long name wins over pax path',
    build: () => archive(pax([['path', 'pax']]), gnuLong('L', 'gnu\0'), member({ name: 'a' })),
    expect: [{ path: 'gnu' }],
  },
  {
    name: 'binary and empty extended attributes',
    build: () =>
      archive(
        pax([
          ['SCHILY.xattr.security.capability', '\x01\0\0\x02\xff\n=\0'],
          ['SCHILY.xattr.user.empty', ''],
        ]),
        member({ name: 'a' }),
      ),
    expect: [
      { path: 'a', xattrs: { 'security.capability': '\x01\0\0\x02\xff\n=\0', 'user.empty': '' } },
    ],
  },
  refused('wrong checksum', () => archive(member({ name: 'a', checksum: '0000001\0' }))),
  refused('checksum is no number', () => archive(member({ name: 'a', checksum: 'xxxxxxxx' }))),
  refused('unknown entry type', () => archive(member({ name: 'a', flag: 'Z' }))),
  refused('GNU multi-volume continuation', () =>
    archive(member({ name: 'a', flag: 'M', magic: 'gnu' }, 'x')),
  ),
  refused('entry without a name', () => archive(member({ name: '' }, 'x'))),
  refused('hard link without a target', () => archive(member({ name: 'a', flag: '1' }))),
  refused('symbolic link without a target', () => archive(member({ name: 'a', flag: '2' }))),
  refused('uid 2^32-1, which chown takes for "unchanged"', () =>
    archive(member({ name: 'a', uid: base256(2n ** 32n - 1n, 8) })),
  ),
  refused('negative gid', () => archive(pax([['gid', '-1']]), member({ name: 'a' }))),
  refused('device number out of range', () =>
    archive(member({ name: 'a', flag: '3', deviceMajor: base256(2n ** 31n, 8) })),
  ),
  refused('pax record with a wrong length', () =>
    archive(pax(`${record('path', 'b').slice(0, -1)}c\n`), member({ name: 'a' })),
  ),
  refused('pax record of length 0', () => archive(pax('0 a=b\n'), member({ name: 'a' }))),
  refused('pax record without an equals sign', () =>
    archive(pax('6 abc\n'), member({ name: 'a' })),
  ),
  refused('pax record with an empty key', () => archive(pax('5 =b\n'), member({ name: 'a' }))),
  refused('extended attribute with an empty name', () =>
    archive(pax([['SCHILY.xattr.', 'x']]), member({ name: 'a' })),
  ),
];

const paxSparseOf =
  (records: readonly (readonly [string, string])[], content: string | Buffer = '') =>
  () =>
    archive(pax(records), member({ name: 'a' }, content));

/** Sparse maps that lie. */
export const sparseVectors: readonly Vector[] = [
  refused('sparse regions that overlap', () =>
    archive(
      oldGnuSparse(
        { name: 's', realSize: 100 },
        [
          [0, 10],
          [5, 10],
        ],
        'x'.repeat(20),
      ),
    ),
  ),
  refused('sparse region beyond the size', () =>
    archive(oldGnuSparse({ name: 's', realSize: 10 }, [[5, 10]], 'x'.repeat(10))),
  ),
  refused('sparse map larger than the stored content', () =>
    archive(oldGnuSparse({ name: 's', realSize: 100 }, [[0, 20]], 'x')),
  ),
  refused('sparse map smaller than the stored content', () =>
    archive(oldGnuSparse({ name: 's', realSize: 100 }, [[0, 1]], 'x'.repeat(20))),
  ),
  refused('sparse file of negative size', () =>
    archive(oldGnuSparse({ name: 's', realSize: base256(-1n, 12) }, [], '')),
  ),
  refused('sparse type in a ustar header', () =>
    archive(oldGnuSparse({ name: 's', realSize: 1, magic: 'ustar' }, [[0, 1]], 'x')),
  ),
  refused('sparse map cut off', () =>
    oldGnuSparse(
      { name: 's', realSize: 100 },
      [
        [0, 1],
        [2, 1],
        [4, 1],
        [6, 1],
        [8, 1],
      ],
      'xxxxx',
    ).subarray(0, 700),
  ),
  refused(
    'pax sparse of an unknown version',
    paxSparseOf([
      ['GNU.sparse.major', '2'],
      ['GNU.sparse.minor', '0'],
    ]),
  ),
  refused('pax sparse name without a map', paxSparseOf([['GNU.sparse.name', 'evil']])),
  refused(
    'pax sparse name with a NUL byte',
    paxSparseOf(
      [
        ['GNU.sparse.name', 'a\0b'],
        ['GNU.sparse.map', '0,1'],
        ['GNU.sparse.numblocks', '1'],
      ],
      'x',
    ),
  ),
  refused(
    'pax sparse 0.0 with records out of order',
    paxSparseOf(
      [
        ['GNU.sparse.numblocks', '1'],
        ['GNU.sparse.numbytes', '1'],
        ['GNU.sparse.offset', '0'],
      ],
      'x',
    ),
  ),
  refused(
    'pax sparse 0.1 with too few regions',
    paxSparseOf(
      [
        ['GNU.sparse.numblocks', '2'],
        ['GNU.sparse.map', '0,1'],
      ],
      'x',
    ),
  ),
  refused(
    'pax sparse 1.0 with a negative count',
    paxSparseOf(
      [
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
      ],
      padded('-1\n'),
    ),
  ),
  refused('pax sparse 1.0 whose map outlasts the content', () =>
    archive(
      pax([
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
      ]),
      member({ name: 'a' }, padded('200\n0\n1\n')),
      member({ name: 'b' }, 'x'),
    ),
  ),
  refused('pax sparse directory', () =>
    archive(
      pax([
        ['GNU.sparse.numblocks', '0'],
        ['GNU.sparse.major', '0'],
        ['GNU.sparse.minor', '1'],
      ]),
      member({ name: 'd/', flag: '5' }),
    ),
  ),
];
