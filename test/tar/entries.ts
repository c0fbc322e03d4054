/** Entries for tests of what is written. */

import type { ByteString } from '../../src/model/index.ts';
import type { TarEntry, TarEntryType } from '../../src/tar/index.ts';
import { fc } from '../support/property.ts';

/** Takes latin1 text for bytes. */
export const bytes = (text: string) => text as ByteString;

/** A file without anything special. */
export const plain: TarEntry = {
  path: bytes('dir/file'),
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0n,
  linkName: bytes(''),
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};

const byteText = (maxLength: number) =>
  fc
    .oneof(
      fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '-', ' '), minLength: 1, maxLength }),
      fc
        .uint8Array({ min: 1, minLength: 1, maxLength })
        .map((raw) => Buffer.from(raw).toString('latin1')),
    )
    .map((text) => text.replace(/[^/]{255}/g, '$&/').replace(/\/+$/, '') || 'x');

const types: readonly TarEntryType[] = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'fifo',
  'character-device',
  'block-device',
];

const id = fc.oneof(fc.nat(), fc.constantFrom(0, 0o7777777, 0o10000000, 1000680000, 2 ** 32 - 2));
const time = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.constantFrom(
    0n,
    -1n,
    1n,
    999_999_999n,
    -1_000_000_000n,
    2n ** 33n * 1_000_000_000n,
    (8n ** 11n - 1n) * 1_000_000_000n,
  ),
);
const xattrs = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        'security.capability',
        'user.a',
        'user.ü',
        'trusted.overlay.opaque',
        'user.%',
      ),
      fc.uint8Array({ maxLength: 40 }),
    ),
    { maxLength: 4 },
  )
  .map(
    (pairs) =>
      new Map(
        pairs.map(([name, value]) => [
          bytes(Buffer.from(name).toString('latin1')),
          Buffer.from(value),
        ]),
      ),
  );

/** Any entry without content that an archive can hold. */
export const anyEntry: fc.Arbitrary<TarEntry> = fc
  .record({
    path: byteText(400),
    type: fc.constantFrom(...types),
    mode: fc.nat(0o7777),
    uid: id,
    gid: id,
    mtime: time,
    linkName: byteText(300),
    deviceMajor: fc.nat(0o7777777),
    deviceMinor: fc.nat(0o7777777),
    xattrs,
  })
  .map((entry) => {
    const isLink = entry.type === 'symlink' || entry.type === 'hardlink';
    const isDevice = entry.type.endsWith('device');
    return {
      ...entry,
      path: bytes(entry.path),
      size: 0,
      linkName: bytes(isLink ? entry.linkName : ''),
      deviceMajor: isDevice ? entry.deviceMajor : 0,
      deviceMinor: isDevice ? entry.deviceMinor : 0,
    };
  });
