/** Which addresses a registry may name: R01 of the security catalogue. */

import t from 'tap';
import {
  type AddressKind,
  isLoopbackHost,
  isWithinReach,
  kindOfAddress,
  kindOfHost,
} from '../../../src/registry/http/address.ts';
import { fc } from '../../support/property.ts';

const rows: Readonly<Record<AddressKind, readonly string[]>> = {
  public: [
    '1.1.1.1',
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.1.1',
    '2606:4700::1111',
    '100.63.0.1',
    '126.0.0.1',
    '128.0.0.1',
    '223.255.255.255',
  ],
  private: [
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '100.64.0.1',
    '100.127.255.255',
    'fd00::1',
    'fc00::1',
    'fec0::1',
    '198.18.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::10.0.0.1',
    '2002:a00:1::',
  ],
  loopback: [
    '127.0.0.1',
    '127.255.255.254',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:0:0:1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
  ],
  forbidden: [
    '0.0.0.0',
    '0.1.2.3',
    '169.254.169.254',
    '169.254.0.1',
    '224.0.0.1',
    '239.1.1.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '::ffff:0:169.254.169.254',
    '2002:a9fe:a9fe::',
    '64:ff9b::a9fe:a9fe',
  ],
};

for (const [kind, addresses] of Object.entries(rows)) {
  t.test(`R01 ${kind} addresses`, async (t) => {
    for (const address of addresses) {
      t.equal(kindOfAddress(address), kind, address);
      if (address.includes(':') && !address.includes('%')) {
        t.equal(kindOfHost(`[${address}]`), kind, `[${address}]`);
      }
    }
  });
}

t.test('R01 URLs bring every spelling of an address into one', async (t) => {
  for (const spelling of [
    '2130706433',
    '0x7f.1',
    '0177.0.0.1',
    '127.1',
    '0x7f000001',
    '127.0.0.1.',
  ]) {
    t.equal(kindOfHost(new URL(`https://${spelling}/`).hostname), 'loopback', spelling);
  }
  for (const spelling of ['2852039166', '0xa9fea9fe', '0251.0376.0251.0376']) {
    t.equal(kindOfHost(new URL(`https://${spelling}/`).hostname), 'forbidden', spelling);
  }
});

t.test('R01 names are judged by their addresses later, but for localhost', async (t) => {
  for (const name of ['localhost', 'LOCALHOST', 'localhost.', 'a.localhost']) {
    t.equal(kindOfHost(name), 'loopback', name);
    t.equal(isLoopbackHost(name), true);
  }
  for (const name of [
    'example.com',
    'localhost.example.com',
    'notlocalhost',
    'registry.local',
    '1.1.1.1.example.com',
  ]) {
    t.equal(kindOfHost(name), undefined, name);
  }
});

t.test('R01 who may name what', async (t) => {
  const kinds: readonly AddressKind[] = ['public', 'private', 'loopback', 'forbidden'];
  const may = (reach: Parameters<typeof isWithinReach>[1]): readonly string[] =>
    kinds.filter((kind) => isWithinReach(kind, reach));
  t.same(may('public'), ['public']);
  t.same(may('private'), ['public', 'private']);
  t.same(may('loopback'), ['public', 'private', 'loopback']);
  t.same(may('any'), kinds);
});

t.test('R01 IPv4 inside IPv6 is always judged as IPv4', async (t) => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
      const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
      const kind = kindOfAddress(address);
      return [`::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${hex}`, `2002:${hex}::`].every(
        (text) => kindOfAddress(text) === kind,
      );
    }),
    { numRuns: 1000 },
  );
  t.pass();
});
