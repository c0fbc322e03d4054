import { execFileSync } from 'node:child_process';
import t from 'tap';
import { encodeEntry, endOfArchive, paddingOf, type TarEntry } from '../../src/tar/index.ts';
import { fc } from '../support/property.ts';
import { anyEntry, bytes, plain } from './entries.ts';
import { attempt, read } from './support.ts';

const withXattr = (name: string, value: Uint8Array) => new Map([[bytes(name), value]]);

/** An archive of one entry without the bytes of its content. */
function headersOnly(entry: TarEntry): Buffer {
  return Buffer.concat([encodeEntry({ ...entry, size: 0 }), endOfArchive]);
}

t.test('any entry comes back from its bytes exactly as it was', async (t) => {
  fc.assert(
    fc.property(anyEntry, (entry) => {
      const { entries, refusal } = read(headersOnly(entry));
      t.equal(refusal, undefined);
      t.strictSame(entries, [{ ...entry, content: Buffer.alloc(0), holes: 0 }]);
    }),
    { numRuns: 1000, verbose: 1 },
  );
});

t.test('any content comes back, padded to whole blocks', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1600 }), (content) => {
      const entry = { ...plain, size: content.length };
      const archive = Buffer.concat([
        encodeEntry(entry),
        content,
        paddingOf(content.length),
        endOfArchive,
      ]);
      t.equal(archive.length % 512, 0);
      t.strictSame(read(archive).entries, [{ ...entry, content: Buffer.from(content), holes: 0 }]);
    }),
  );
});

t.test('sizes beyond 8 GiB are said in a pax record', async (t) => {
  for (const size of [8 ** 11 - 1, 8 ** 11, 2 ** 53 - 1]) {
    const { refusal, entries } = read(encodeEntry({ ...plain, size }), {
      limits: { contentBytes: 2 ** 53 },
    });
    t.equal(entries[0]?.size, size);
    t.match(refusal?.message, 'cut off');
  }
});

t.test('pax stands only where ustar cannot say it', async (t) => {
  const cases: readonly (readonly [string, Partial<TarEntry>, boolean])[] = [
    ['short name', {}, false],
    ['name of 100 bytes', { path: bytes('a'.repeat(100)) }, false],
    ['name of 101 bytes without a slash', { path: bytes('a'.repeat(101)) }, true],
    [
      'name of 256 bytes with a slash in the right place',
      { path: bytes(`${'a'.repeat(155)}/${'b'.repeat(100)}`) },
      false,
    ],
    [
      'name of 256 bytes with a slash in the wrong place',
      { path: bytes(`${'a'.repeat(156)}/${'b'.repeat(99)}`) },
      true,
    ],
    ['directory name of 99 bytes', { type: 'directory', path: bytes('a'.repeat(99)) }, false],
    ['directory name of 100 bytes', { type: 'directory', path: bytes('a'.repeat(100)) }, true],
    ['name that is not ASCII', { path: bytes('\xc3\xa9') }, true],
    ['link of 100 bytes', { type: 'symlink', linkName: bytes('a'.repeat(100)) }, false],
    ['link of 101 bytes', { type: 'symlink', linkName: bytes('a'.repeat(101)) }, true],
    ['uid 2097151', { uid: 2097151 }, false],
    ['uid 2097152', { uid: 2097152 }, true],
    ['gid 2097152', { gid: 2097152 }, true],
    ['a whole second', { mtime: 1_000_000_000n }, false],
    ['a fraction of a second', { mtime: 1_500_000_000n }, true],
    ['before the epoch', { mtime: -1_000_000_000n }, true],
    ['the last second of ustar', { mtime: (8n ** 11n - 1n) * 1_000_000_000n }, false],
    ['the second after it', { mtime: 8n ** 11n * 1_000_000_000n }, true],
    ['an extended attribute', { xattrs: withXattr('user.a', Buffer.of(0)) }, true],
  ];
  for (const [what, fields, needsPax] of cases)
    t.equal(encodeEntry({ ...plain, ...fields }).length > 512, needsPax, what);
});

t.test('the bytes are canonical', async (t) => {
  const entry: TarEntry = {
    ...plain,
    path: bytes('d\xc3\xa9/f'),
    uid: 1000680000,
    mtime: -1_500_000_000n,
    xattrs: new Map([
      [bytes('user.b'), Buffer.from('2')],
      [bytes('user.a'), Buffer.from([0xff, 0, 0x0a])],
    ]),
  };
  const reversed = { ...entry, xattrs: new Map([...entry.xattrs].reverse()) };
  const encoded = encodeEntry(entry);
  t.strictSame(encodeEntry(reversed), encoded, 'the order of attributes does not matter');
  t.equal(
    encoded.toString('latin1', 512, 1024).replace(/\0+$/, ''),
    '27 SCHILY.xattr.user.a=\xff\0\n\n25 SCHILY.xattr.user.b=2\n14 mtime=-1.5\n14 path=d\xc3\xa9/f\n18 uid=1000680000\n',
  );
  t.match(encoded.toString('latin1', 0, 100), /^\.\/\.\/@PaxHeader\0/);
  t.match(encoded.toString('latin1', 1024, 1124), /^d__\/f\0/);
});

t.test('fields that mean nothing to a type are not written', async (t) => {
  const device = { deviceMajor: 1, deviceMinor: 3, linkName: bytes('x') };
  t.strictSame(encodeEntry({ ...plain, ...device }), encodeEntry(plain));
  const directory: TarEntry = { ...plain, type: 'directory' };
  t.strictSame(encodeEntry({ ...directory, path: bytes('dir/file/') }), encodeEntry(directory));
});

t.test('a stand-in name never looks like a directory', async (t) => {
  const encoded = encodeEntry({ ...plain, path: bytes(`${'a'.repeat(98)}//${'b'.repeat(200)}`) });
  t.equal(encoded.subarray(-512).toString('latin1', 0, 100).replace(/\0+$/, ''), 'a'.repeat(98));
});

t.test('what no archive can say is refused', async (t) => {
  const cases: readonly (readonly [string, Partial<TarEntry>])[] = [
    ['no name', { path: bytes('') }],
    ['NUL in a name', { path: bytes('a\0b') }],
    ['NUL in a link', { type: 'symlink', linkName: bytes('a\0b') }],
    ['link without a target', { type: 'hardlink' }],
    ['file named like a directory', { path: bytes('a/') }],
    ['negative uid', { uid: -1 }],
    ['uid that means "unchanged"', { uid: 2 ** 32 - 1 }],
    ['gid of a fraction', { gid: 0.5 }],
    ['mode with type bits', { mode: 0o100644 }],
    ['negative size', { size: -1 }],
    ['inexact size', { size: 2 ** 53 }],
    ['directory with content', { type: 'directory', size: 1 }],
    ['device number', { type: 'block-device', deviceMajor: 8 ** 7 }],
    ['time', { mtime: 2n ** 63n * 1_000_000_000n }],
    ['equals sign in an attribute name', { xattrs: withXattr('user.a=b', Buffer.of(0)) }],
    ['attribute without a name', { xattrs: withXattr('', Buffer.of(0)) }],
  ];
  for (const [what, fields] of cases)
    t.equal(attempt(() => encodeEntry({ ...plain, ...fields }))?.code, 'TAR_INVALID', what);
});

t.test('more extended attributes than readers take are refused', async (t) => {
  const fits = withXattr('user.a', Buffer.alloc(2 ** 20 - 100));
  t.equal(
    attempt(() => encodeEntry({ ...plain, xattrs: fits })),
    undefined,
  );
  const large = withXattr('user.a', Buffer.alloc(2 ** 20));
  t.equal(attempt(() => encodeEntry({ ...plain, xattrs: large }))?.code, 'LIMIT_EXCEEDED');
});

t.test('GNU tar reads back names, owners, times and links', async (t) => {
  const entries: readonly TarEntry[] = [
    { ...plain, path: bytes('dir'), type: 'directory', mode: 0o1777 },
    { ...plain, uid: 1000680000, gid: 3000000, mtime: 2208988800_000000000n, mode: 0o4755 },
    { ...plain, path: bytes('l'.repeat(200)), type: 'symlink', linkName: bytes('t'.repeat(200)) },
    { ...plain, path: bytes('hard'), type: 'hardlink', linkName: bytes('dir/file') },
    {
      ...plain,
      path: bytes('null'),
      type: 'character-device',
      deviceMajor: 1,
      deviceMinor: 3,
      mtime: -1_000_000_000n,
    },
  ];
  const archive = Buffer.concat([...entries.map(encodeEntry), endOfArchive]);
  const listing = execFileSync('tar', ['--numeric-owner', '--full-time', '-tvf', '-'], {
    input: archive,
    env: { PATH: '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' },
    encoding: 'utf8',
  });
  t.strictSame(listing.replace(/ +/g, ' ').trimEnd().split('\n'), [
    'drwxrwxrwt 0/0 0 1970-01-01 00:00:00 dir/',
    '-rwsr-xr-x 1000680000/3000000 0 2040-01-01 00:00:00 dir/file',
    `lrw-r--r-- 0/0 0 1970-01-01 00:00:00 ${'l'.repeat(200)} -> ${'t'.repeat(200)}`,
    'hrw-r--r-- 0/0 0 1970-01-01 00:00:00 hard link to dir/file',
    'crw-r--r-- 0/0 1,3 1969-12-31 23:59:59 null',
  ]);
});
