/** Hostile layers: the rows of security.md 2.1, each as a layer of a real builder image. */

import { gzipSync, zstdCompressSync } from 'node:zlib';
import { archive, base256, header, member, pax } from '../../spec-fixtures/tar/builder.ts';
import { device, dir, fifo, file, layer, link, symlink } from '../layer/support/archive.ts';
import { built, type HostileCase, refused } from './case.ts';
import { digestOf } from './hostile-image.ts';

const entries = (...made: readonly Buffer[]) => ({ layers: [layer(...made)] });
const zstdType = 'application/vnd.oci.image.layer.v1.tar+zstd';
const gzipType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const through = (name: string) => [
  ...[file(`${name}/f`, 'x'), dir(`${name}/d`), link(`${name}/hard`, `${name}/f`)],
  ...[file(`${name}/.wh.secret`), file(`${name}/.wh..wh..opq`)],
];

const escapes: readonly HostileCase[] = [
  built(
    'T01',
    'CVE-2018-1102 CVE-2026-28406 GHSA-49p4-px3h-rq49 names that lead upwards or begin at the root',
    (sentinel) =>
      entries(
        file('../../../../../../../../tmp/escaped', 'x'),
        file(`${sentinel}/secret`, 'overwritten'),
        file(`a/../../../../../../../..${sentinel}/new`, 'x'),
      ),
  ),
  built(
    'T02',
    'CVE-2025-59343 CVE-2025-48387 CVE-2024-12905 a sibling that shares a prefix',
    (sentinel) =>
      entries(
        symlink('l', `${sentinel}-evil`),
        file('l/x', 'x'),
        symlink('m', sentinel),
        file('m/x', 'x'),
      ),
  ),
  built(
    'T03',
    'CVE-2026-17106 CVE-2021-32803 CVE-2021-37701 files, links and whiteouts through symlinks',
    (sentinel) =>
      entries(
        ...[symlink('l', sentinel), ...through('l')],
        ...[symlink('up', `../../../../../../../..${sentinel}`), ...through('up')],
        ...[
          symlink('a/b', '..'),
          symlink('a/b/c', '..'),
          symlink('a/b/c/e', sentinel),
          ...through('a/b/c/e'),
        ],
      ),
  ),
  built('T06', 'TestBreakouts: hard links through symlinks', (sentinel) =>
    entries(
      ...[dir('breakouts'), symlink('breakouts/d1', '../../..'), file('target', 'x')],
      ...[
        link('breakouts/copy', '/breakouts/d1/target'),
        symlink('s', `${sentinel}/secret`),
        link('h', 's'),
      ],
    ),
  ),
  refused('T06', 'TestBreakouts: a hard link to the host', (sentinel) =>
    entries(link('secret', `${sentinel}/secret`)),
  ),
  built('T19', 'CVE-2018-20834 CVE-2026-23950 one name again and again', (sentinel) =>
    entries(
      ...[file('x', '1'), symlink('t', `${sentinel}/secret`), link('x', 't'), file('x', '2')],
      ...[
        file('caf\xc3\xa9', 'c'),
        file('cafe\xcc\x81', 'd'),
        file('STRASSE'),
        file('stra\xc3\x9fe'),
        file('./x', '3'),
      ],
    ),
  ),
  built('T22', 'CVE-2021-32760 attributes of a hard link to a symlink to the host', (sentinel) =>
    entries(
      symlink('l', `${sentinel}/secret`),
      link('hard', 'l', { mode: 0o777, mtime: 1 }),
      file('hard', 'x', { mode: 0o4777 }),
    ),
  ),
];

const whiteouts: readonly HostileCase[] = [
  ...['.wh.', 'etc/.wh.', '.wh..', '.wh...', 'etc/.wh...'].map((name) =>
    refused('T08', `the whiteout "${name}"`, () => entries(file(name))),
  ),
  built(
    'T08',
    'marks of other storage are passed over with a word',
    () => entries(file('.wh..wh.plnk/1.2'), file('.wh..wh.aufs')),
    /without meaning/,
  ),
  built(
    'T10',
    'opaque after the entries of its directory, twice, and in a directory that is not there',
    () =>
      entries(
        ...[dir('d'), file('d/new', 'x'), file('d/.wh..wh..opq'), file('d/.wh.missing')],
        ...[file('none/.wh..wh..opq'), file('none/.wh.x'), file('d/.wh..wh..opq')],
      ),
  ),
  built('T11', 'devices, FIFOs, setuid, capabilities and attributes of overlays', () =>
    entries(
      ...[device('dev0', 'block', [8, 0]), device('white', 'character', [0, 0]), fifo('pipe')],
      file('suid', 'x', { mode: 0o6755 }),
      dir('sticky', { mode: 0o1777 }),
      file('xattrs', 'x', {
        xattrs: { 'trusted.overlay.opaque': 'y', 'user.overlay.redirect': '/etc', 'user.ok': 'v' },
      }),
      dir('opaque', { xattrs: { 'user.overlay.opaque': 'y' } }),
    ),
  ),
];

const bombs: readonly HostileCase[] = [
  refused('T12', 'CVE-2026-59873 CVE-2023-25153 a zstd bomb of 40 GiB', () => {
    const frame = zstdCompressSync(Buffer.alloc(2 ** 28));
    const head = zstdCompressSync(header({ name: 'zeros', size: base256(40n * 2n ** 30n, 12) }));
    const blob = Buffer.concat([head, ...Array.from({ length: 160 }, () => frame)]);
    return { layers: [{ blob, mediaType: zstdType }] };
  }),
  refused('T12', 'gzip inside gzip', () => ({ layers: [gzipSync(layer(file('x')))] })),
  built('T12', 'a thousand gzip members', () => {
    const bytes = layer(file('x', 'x'.repeat(512 * 1000)));
    const members = Array.from({ length: 1000 }, (_, i) =>
      gzipSync(bytes.subarray((i * bytes.length) / 1000, ((i + 1) * bytes.length) / 1000)),
    );
    return { layers: [{ blob: Buffer.concat(members), diffId: digestOf(bytes) }] };
  }),
  refused('T12', 'zeros behind the gzip data', () => {
    const bytes = layer(file('x'));
    const blob = Buffer.concat([gzipSync(bytes), Buffer.alloc(512)]);
    return { layers: [{ blob, mediaType: gzipType, diffId: digestOf(bytes) }] };
  }),
];

const sizes: Readonly<Record<string, string>> = {
  'base-256 -1': base256(-1n, 12),
  'base-256 2^60': base256(2n ** 60n, 12),
  'octal with a minus': '-0000000001\0',
  'a first byte of 0x81': '\x81zzzzzzzzzzz',
};

const numbers: readonly HostileCase[] = [
  ...Object.entries(sizes).map(([title, size]) =>
    refused('T13', `CVE-2026-59874 a size of ${title}`, () => ({
      layers: [archive(member({ name: 'a', size }, 'x'))],
    })),
  ),
  refused('T13', 'a pax size of 5abc', () => ({
    layers: [archive(pax([['size', '5abc']]), member({ name: 'a' }, 'xxxxx'))],
  })),
];

const amounts: readonly HostileCase[] = [
  refused('T17', 'CVE-2022-2879 COMPRESS-723 a pax header of 2 MiB', () => ({
    layers: [archive(pax([['comment', 'x'.repeat(2 ** 21)]]), member({ name: 'a' }))],
  })),
  refused('T17', 'a pax header that claims 1 GiB', () => ({
    layers: [archive(header({ name: 'x', flag: 'x', size: 2 ** 30 }))],
  })),
  refused('T17', '100,000 pax records', () => ({
    layers: [archive(pax('7 a=bc\n'.repeat(100_000)), member({ name: 'a' }))],
  })),
  refused('T17', 'a path of 4,097 bytes', () => entries(file(`${'a/'.repeat(2048)}b`))),
  refused('T17', 'a path of 2,000 levels', () => entries(dir('d/'.repeat(2000)))),
];

const names: readonly HostileCase[] = [
  built('T21', 'bytes of any kind in names', () =>
    entries(
      ...['a\\b', 'C:x', 'new\nline', '\x1b]0;title\x07', '\xe2\x80\xae', '\xff\xfe', '\x7f'].map(
        (name) => file(name, 'x'),
      ),
    ),
  ),
  refused(
    'T21',
    'names in messages are escaped',
    () => entries(file('\x1b]0;title\x07\xe2\x80\xae\xff/.wh.')),
    /layer/,
  ),
];

/** All of them. */
export const layerCases: readonly HostileCase[] = [
  ...[...escapes, ...whiteouts, ...bombs, ...numbers, ...amounts, ...names],
];
