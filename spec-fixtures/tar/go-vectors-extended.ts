/** The cases of Go's archive/tar reader tests that have extended headers or holes (see go-vectors.ts). */

import {
  archive,
  member,
  oldGnuSparse,
  padded,
  pax,
  paxSparse,
  type SparseRun,
} from './builder.ts';
import type { Vector } from './vector.ts';

const everySecondByte: readonly SparseRun[] = Array.from(
  { length: 95 },
  (_, index) => [2 * index + 1, 1] as const,
);
const sparseStored = 'Gopher sparse '.repeat(7).slice(0, 95);
const sparseContent = Array.from(sparseStored, (letter) => `\0${letter}`)
  .join('')
  .padEnd(200, '\0');
const longPath = `a/${Array.from({ length: 100 }, (_, index) => index + 1).join('')}`;

/** Sparse files in their four formats. */
export const goSparseVectors: readonly Vector[] = [
  {
    name: 'sparse-formats.tar',
    build: () =>
      archive(
        oldGnuSparse({ name: 'sparse-gnu', realSize: 200 }, everySecondByte, sparseStored),
        paxSparse('0.0', 'sparse-posix-0.0', 200, everySecondByte, sparseStored),
        paxSparse('0.1', 'sparse-posix-0.1', 200, everySecondByte, sparseStored),
        paxSparse('1.0', 'sparse-posix-1.0', 200, everySecondByte, sparseStored),
        member({ name: 'end' }, 'end\n'),
      ),
    expect: [
      ...['sparse-gnu', 'sparse-posix-0.0', 'sparse-posix-0.1', 'sparse-posix-1.0'].map((path) => ({
        path,
        type: 'file',
        size: 200,
        content: sparseContent,
      })),
      { path: 'end', content: 'end\n' },
    ],
  },
  {
    name: 'gnu-nil-sparse-data.tar',
    build: () =>
      archive(oldGnuSparse({ name: 'sparse.db', realSize: 1000 }, [[0, 1000]], 'x'.repeat(1000))),
    expect: [{ path: 'sparse.db', content: 'x'.repeat(1000) }],
  },
  {
    name: 'gnu-nil-sparse-hole.tar',
    build: () => archive(oldGnuSparse({ name: 'sparse.db', realSize: 1000 }, [[1000, 0]], '')),
    expect: [{ path: 'sparse.db', content: '\0'.repeat(1000) }],
  },
  {
    name: 'pax-nil-sparse-data.tar',
    build: () => archive(paxSparse('1.0', 'sparse.db', 1000, [[0, 1000]], 'y'.repeat(1000))),
    expect: [{ path: 'sparse.db', content: 'y'.repeat(1000) }],
  },
  {
    name: 'pax-nil-sparse-hole.tar',
    build: () => archive(paxSparse('1.0', 'sparse.db', 1000, [[1000, 0]], '')),
    expect: [{ path: 'sparse.db', content: '\0'.repeat(1000) }],
  },
  {
    name: 'gnu-sparse-many-zeros.tar (map of a million regions, all zero)',
    build: () => {
      const map = padded(`1000000\n${'0\n'.repeat(2_000_000)}`);
      const records = [
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', '0'],
      ] as const;
      return archive(pax(records), member({ name: 'sparse' }, map));
    },
    expect: 'LIMIT_EXCEEDED',
  },
];

/** Extended headers. */
export const goPaxVectors: readonly Vector[] = [
  {
    name: 'pax.tar',
    build: () =>
      archive(
        pax([
          ['path', longPath],
          ['mtime', '1350244992.023960108'],
          ['atime', '1350244992.023960108'],
          ['ctime', '1350244992.023960108'],
        ]),
        member({ name: longPath.slice(0, 100), mode: 0o664, uid: 1000, gid: 1000 }, 'shaner\n'),
        pax([
          ['linkpath', longPath.slice(2)],
          ['mtime', '1350266320.910238425'],
        ]),
        member({ name: 'a/b', flag: '2', mode: 0o777, linkName: 'cut' }),
      ),
    expect: [
      { path: longPath, mtime: 1350244992_023960108n, uid: 1000, content: 'shaner\n' },
      { path: 'a/b', type: 'symlink', linkName: longPath.slice(2), mtime: 1350266320_910238425n },
    ],
  },
  {
    name: 'pax-bad-hdr-file.tar',
    build: () => archive(pax('not a record at all\n'), member({ name: 'foo' })),
    expect: 'TAR_INVALID',
  },
  {
    name: 'pax-bad-hdr-large.tar',
    build: () => archive(pax('0'.repeat(2 ** 20 + 1)), member({ name: 'foo' })),
    expect: 'LIMIT_EXCEEDED',
  },
  {
    name: 'pax-bad-mtime-file.tar',
    build: () => archive(pax([['mtime', '1350244992.02396o108']]), member({ name: 'foo' })),
    expect: 'TAR_INVALID',
  },
  {
    name: 'pax-pos-size-file.tar',
    build: () =>
      archive(
        pax([['size', '000000000000000000000999']]),
        member({ name: 'foo', size: 0 }, 'z'.repeat(999)),
      ),
    expect: [{ path: 'foo', size: 999, content: 'z'.repeat(999) }],
  },
  {
    name: 'pax-records.tar',
    build: () =>
      archive(
        pax([
          ['GOLANG.pkg', 'tar'],
          ['comment', 'Hello, \xe4\xb8\x96'],
          ['uname', 'long'.repeat(10)],
        ]),
        member({ name: 'file' }),
      ),
    expect: [{ path: 'file', mtime: 0n }],
  },
  {
    name: 'pax-global-records.tar',
    build: () =>
      archive(
        pax(
          [
            ['path', 'global1'],
            ['mtime', '1500000000.0'],
          ],
          'g',
        ),
        member({ name: 'file1' }),
        pax([['path', 'file2']]),
        member({ name: 'x' }),
        pax([['path', '']], 'g'),
        member({ name: 'file3' }),
        pax([['mtime', '1400000000']]),
        member({ name: 'file4' }),
      ),
    expect: [
      { path: 'file1', mtime: 0n },
      { path: 'file2', mtime: 0n },
      { path: 'file3' },
      { path: 'file4', mtime: 1400000000_000000000n },
    ],
  },
  {
    name: 'xattrs.tar',
    build: () =>
      archive(
        pax([
          ['mtime', '1386065770.44825232'],
          ['SCHILY.xattr.user.key', 'value'],
          ['SCHILY.xattr.user.key2', 'value2'],
          ['SCHILY.xattr.security.selinux', 'unconfined_u:object_r:default_t:s0\0'],
        ]),
        member({ name: 'small.txt' }, 'Kilts'),
      ),
    expect: [
      {
        path: 'small.txt',
        mtime: 1386065770_448252320n,
        xattrs: {
          'user.key': 'value',
          'user.key2': 'value2',
          'security.selinux': 'unconfined_u:object_r:default_t:s0\0',
        },
      },
    ],
  },
  {
    name: 'pax-multi-hdrs.tar',
    build: () =>
      archive(
        pax([['path', 'PAX1/long']]),
        pax([['path', 'PAX2/long']]),
        pax([['linkpath', 'PAX3/long']]),
        pax([['linkpath', 'PAX4/PAX4/long-linkpath-name']]),
        member({ name: 'bar', flag: '2', linkName: 'baz' }),
      ),
    expect: [{ path: 'bar', linkName: 'PAX4/PAX4/long-linkpath-name' }],
  },
  {
    name: 'pax-nul-xattrs.tar',
    build: () =>
      archive(pax([['SCHILY.xattr.null\0null\0', 'fizzbuzz']]), member({ name: 'bad-null.txt' })),
    expect: 'TAR_INVALID',
  },
  {
    name: 'pax-nul-path.tar',
    build: () => archive(pax([['path', 'bad\0.txt']]), member({ name: 'bad-null.txt' })),
    expect: 'TAR_INVALID',
  },
  {
    name: 'pax-path-hdr.tar (an extended header and nothing after it)',
    build: () => pax([['path', 'nowhere']]),
    expect: [],
  },
  {
    name: 'issue11169.tar (record shorter than its length)',
    build: () => archive(pax('99 path=foo\n'), member({ name: 'foo' })),
    expect: 'TAR_INVALID',
  },
  {
    name: 'trailing-slash.tar',
    build: () =>
      archive(
        pax([['path', '123456789/'.repeat(30)]]),
        member({ name: '123456789/'.repeat(10).slice(0, 99), flag: '5' }),
      ),
    expect: [{ path: '123456789/'.repeat(30).slice(0, -1), type: 'directory' }],
  },
];
