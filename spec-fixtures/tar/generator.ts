/**
 * Makes archives at random with fast-check: mostly well-formed members of every kind and format, then
 * sometimes damage of the sort that tells readers apart.
 */

import fc from 'fast-check';
import {
  archive,
  base256,
  endMarker,
  gnuLong,
  type HeaderFields,
  member,
  oldGnuSparse,
  pax,
  paxSparse,
  type SparseRun,
} from './builder.ts';
import { damage } from './damage.ts';

/** A generated archive and how it was made, for the report of a difference. */
export interface GeneratedArchive {
  readonly bytes: Buffer;
  readonly damage: readonly string[];
}

const blockSize = 512;

type Text = fc.Arbitrary<string>;
type Number = fc.Arbitrary<number | string>;
type Magic = fc.Arbitrary<NonNullable<HeaderFields['magic']>>;

/** What the fields of members are drawn from. */
interface Palette {
  readonly name: Text;
  readonly magic: Magic;
  readonly id: Number;
  readonly time: Number;
  readonly fileFlag: Text;
  readonly strayName: Text;
  readonly straySize: Number;
}

const commonName = fc.constantFrom(
  'a',
  'dir/b',
  './c',
  'dir/sub/d.txt',
  'e'.repeat(100),
  'x y',
  'caf\xc3\xa9',
  '../up',
  '/abs',
);
const common: Palette = {
  name: commonName,
  magic: fc.constantFrom('ustar', 'gnu'),
  id: fc.oneof(fc.nat(0o7777777), fc.constantFrom(0, 1000)),
  time: fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31, 8 ** 11 - 1)),
  fileFlag: fc.constant('0'),
  strayName: commonName,
  straySize: fc.constant(0),
};
const odd: Palette = {
  name: fc.oneof(
    { weight: 2, arbitrary: commonName },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '\xff\xfe',
        'a\\b',
        'n\nl',
        'a/../b',
        'slash/',
        'two//',
        '/',
        '.',
        '',
      ),
    },
  ),
  magic: fc.constantFrom('ustar', 'gnu', 'v7', 'star'),
  id: fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom<number | string>(7, base256(1000680000n, 8), '', ' 1750\0'),
    },
    { weight: 1, arbitrary: fc.constantFrom(base256(-1n, 8), base256(2n ** 32n - 1n, 8)) },
  ),
  time: fc.constantFrom<number | string>(
    7,
    base256(-5n, 12),
    base256(2n ** 40n, 12),
    '',
    '77777777777 ',
  ),
  fileFlag: fc.constantFrom('0', '0', '\0', '7'),
  strayName: fc.constantFrom('a', 'dir/b', '/', ''),
  straySize: fc.constantFrom(0, 0, 512),
};

const content = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\0'), maxLength: 1200 });

function fileOf(palette: Palette): fc.Arbitrary<Buffer> {
  const { name, magic, id, time, fileFlag } = palette;
  const fields = fc.record({
    name,
    magic,
    uid: id,
    gid: id,
    mtime: time,
    mode: fc.nat(0o7777),
    flag: fileFlag,
  });
  return fc.tuple(fields, content).map(([header, text]) => member(header, text));
}

function filelessOf(palette: Palette): fc.Arbitrary<Buffer> {
  const { name, magic, id, time, strayName, straySize } = palette;
  return fc
    .record({
      name,
      magic,
      uid: id,
      gid: id,
      mtime: time,
      mode: fc.nat(0o7777),
      flag: fc.constantFrom('1', '2', '3', '4', '5', '5', '6'),
      linkName: strayName,
      size: straySize,
      deviceMajor: fc.nat(300),
      deviceMinor: fc.nat(300),
      prefix: fc.constantFrom('', '', 'prefix', 'pre/fix'),
    })
    .map((fields) => member({ ...fields, prefix: fields.magic === 'gnu' ? '' : fields.prefix }));
}

const sizedByPax = content.map((text) =>
  Buffer.concat([pax([['size', `${text.length}`]]), member({ name: 'sized', size: 0 }, text)]),
);

const runs: fc.Arbitrary<SparseRun[]> = fc
  .array(fc.tuple(fc.nat(40), fc.nat(30)), { maxLength: 30 })
  .map((gaps) => {
    let at = 0;
    return gaps.map(([gap, length]) => {
      const run: SparseRun = [at + gap, length];
      at += gap + length;
      return run;
    });
  });
const sparse = fc
  .tuple(fc.constantFrom('old', '0.0', '0.1', '1.0'), runs, fc.nat(50))
  .map(([format, map, tail]) => {
    const stored = 'S'.repeat(map.reduce((total, [, length]) => total + length, 0));
    const [last = 0, lastLength = 0] = map.at(-1) ?? [];
    const size = last + lastLength + tail;
    return format === 'old'
      ? oldGnuSparse({ name: 'sparse/old', realSize: size }, map, stored)
      : paxSparse(format as '0.0', `sparse/${format}`, size, map, stored);
  });

const goodRecord = fc.constantFrom<readonly [string, string]>(
  ['path', 'pax/path'],
  ['path', 'd\xc3\xa9j\xc3\xa0'],
  ['linkpath', 'pax/link'],
  ['uid', '2097152'],
  ['gid', '1000680000'],
  ['mtime', '1700000000.123456789'],
  ['mtime', '-1.5'],
  ['atime', '1'],
  ['uname', 'u'],
  ['comment', 'c'],
  ['SCHILY.xattr.user.a', 'v'],
  ['SCHILY.xattr.security.capability', '\x01\0\0\x02\xff=\n'],
  ['SCHILY.xattr.user.empty', ''],
);
const badRecord = fc.constantFrom<readonly [string, string]>(
  ['size', '5'],
  ['size', '-1'],
  ['size', '5abc'],
  ['size', '+5'],
  ['size', ''],
  ['size', '0x10'],
  ['uid', '-1'],
  ['uid', '4294967295'],
  ['mtime', 'x'],
  ['mtime', '1.5.5'],
  ['path', ''],
  ['path', 'nul\0nul'],
  ['path', 'dir/'],
  ['GNU.sparse.name', 'evil'],
  ['GNU.sparse.major', '1'],
  ['GNU.sparse.minor', '0'],
  ['GNU.sparse.map', '0,1'],
  ['GNU.sparse.numblocks', '1'],
  ['GNU.sparse.offset', '0'],
  ['GNU.sparse.realsize', '100'],
  ['SCHILY.xattr.', 'x'],
  ['mtime', ''],
);
const records = (record: fc.Arbitrary<readonly [string, string]>) =>
  fc.array(record, { minLength: 1, maxLength: 4 });
const commonExtension = fc.oneof(
  { weight: 3, arbitrary: records(goodRecord).map((list) => pax(list)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      gnuLong('L', `${'long/'.repeat(30)}name\0`),
      gnuLong('K', 'long/link\0'),
    ),
  },
);
const oddExtension = fc.oneof(
  commonExtension,
  records(fc.oneof(goodRecord, badRecord)).map((list) => pax(list)),
  records(goodRecord).map((list) => pax(list, 'g')),
  fc.constantFrom(
    pax([['comment', '0123456789abcdef']], 'g'),
    gnuLong('L', 'with\0nul'),
    gnuLong('L', ''),
  ),
);

const extended = (extension: fc.Arbitrary<Buffer>, entry: fc.Arbitrary<Buffer>) =>
  fc.tuple(extension, entry).map((both) => Buffer.concat(both));
const commonEntry = fc.oneof(fileOf(common), filelessOf(common));
const oddEntry = fc.oneof(fileOf(odd), filelessOf(odd));
const commonMember = fc.oneof(
  { weight: 4, arbitrary: commonEntry },
  { weight: 3, arbitrary: extended(commonExtension, commonEntry) },
  { weight: 1, arbitrary: sizedByPax },
);
const anyMember = fc.oneof(
  { weight: 3, arbitrary: commonMember },
  { weight: 2, arbitrary: oddEntry },
  { weight: 2, arbitrary: sparse },
  { weight: 1, arbitrary: extended(oddExtension, oddEntry) },
  { weight: 1, arbitrary: oddExtension },
);
const join = (members: fc.Arbitrary<Buffer>, minLength: number) =>
  fc.array(members, { minLength, maxLength: 6 }).map((list) => Buffer.concat(list));

const ending = fc.constantFrom('marker', 'marker', 'none', 'half', 'more');

function end(body: Buffer, kind: string): Buffer {
  if (kind === 'none') return body;
  if (kind === 'half') return Buffer.concat([body, endMarker.subarray(blockSize)]);
  return kind === 'more'
    ? Buffer.concat([archive(body), member({ name: 'hidden' })])
    : archive(body);
}

/** Archives as any program writes them, which every program should read alike. */
const commonArchive = join(commonMember, 1).map((body) => ({ bytes: archive(body), damage: [] }));

/** Archives without damage, of members of every kind, some of which only few programs write. */
export const wellFormedArchive: fc.Arbitrary<GeneratedArchive> = fc.oneof(
  commonArchive,
  fc
    .tuple(join(anyMember, 0), ending)
    .map(([body, kind]) => ({ bytes: end(body, kind), damage: [] })),
);

/** Archives with one to three pieces of damage. */
export const damagedArchive: fc.Arbitrary<GeneratedArchive> = fc
  .tuple(wellFormedArchive, fc.array(damage, { minLength: 1, maxLength: 3 }))
  .map(([whole, pieces]) =>
    pieces.reduce<GeneratedArchive>((before, piece) => {
      const after = piece(before.bytes);
      return { bytes: after.bytes, damage: [...before.damage, after.what] };
    }, whole),
  );
