/** Item 11: which platform of an index is taken. */

import t from 'tap';
import {
  formatPlatform,
  hostPlatform,
  matchPlatforms,
  normalizePlatform,
  parsePlatform,
  parsePlatformObject,
} from '../../src/model/index.ts';

const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['linux/amd64', ['linux/arm64', 'linux/amd64'], ['linux/amd64']],
  ['linux/amd64', ['linux/386'], []],
  ['linux/amd64', ['linux/amd64/v2', 'linux/amd64'], ['linux/amd64']],
  [
    'linux/amd64/v3',
    ['linux/amd64', 'linux/amd64/v4', 'linux/amd64/v2', 'linux/amd64/v3'],
    ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64'],
  ],
  ['linux/amd64/v1', ['linux/amd64'], ['linux/amd64']],
  ['linux/arm64', ['linux/arm/v8', 'linux/arm/v7', 'linux/arm64/v8'], ['linux/arm64/v8']],
  ['linux/arm64', ['linux/arm/v7'], []],
  ['linux/arm64', ['linux/arm64/v8.1', 'linux/arm64'], ['linux/arm64']],
  [
    'linux/arm64/v8.2',
    ['linux/arm64', 'linux/arm64/v8.3', 'linux/arm64/v8.1'],
    ['linux/arm64/v8.1', 'linux/arm64'],
  ],
  [
    'linux/arm64/v9',
    ['linux/arm64', 'linux/arm64/v8.5', 'linux/arm64/v8.6', 'linux/arm64/v9.1', 'linux/arm64/v9'],
    ['linux/arm64/v9', 'linux/arm64/v8.5', 'linux/arm64'],
  ],
  [
    'linux/arm64/v9.1',
    ['linux/arm64/v8.6', 'linux/arm64/v8.7', 'linux/arm64/v8.10'],
    ['linux/arm64/v8.6'],
  ],
  [
    'linux/arm/v7',
    ['linux/arm/v5', 'linux/arm/v6', 'linux/arm', 'linux/arm/v8'],
    ['linux/arm', 'linux/arm/v6', 'linux/arm/v5'],
  ],
  ['linux/arm', ['linux/arm/v7', 'linux/arm/v6'], ['linux/arm/v7', 'linux/arm/v6']],
  ['linux/arm/v6', ['linux/arm'], []],
  ['windows/amd64', ['linux/amd64'], []],
  ['linux/s390x', ['unknown/unknown', 'linux/s390x'], ['linux/s390x']],
];

for (const [wanted, offered, expected] of rows) {
  t.test(`item 11: ${wanted} of ${offered.join(', ')}`, async (t) => {
    const found = matchPlatforms(parsePlatform(wanted), offered, (text) => parsePlatform(text));
    t.same(found, expected);
  });
}

t.test('item 11: names are brought into one spelling', async (t) => {
  const spellings: Readonly<Record<string, string>> = {
    'linux/x86_64': 'linux/amd64',
    'linux/x86-64': 'linux/amd64',
    'linux/x64': 'linux/amd64',
    'Linux/AMD64/v1': 'linux/amd64',
    'linux/i386': 'linux/386',
    'linux/ia32': 'linux/386',
    'linux/aarch64': 'linux/arm64',
    'linux/arm64/8': 'linux/arm64',
    'linux/arm64/v8.0': 'linux/arm64',
    'linux/armhf': 'linux/arm/v7',
    'linux/armel': 'linux/arm/v6',
    'linux/arm': 'linux/arm/v7',
    'linux/arm/6': 'linux/arm/v6',
    'macos/arm64': 'darwin/arm64',
  };
  for (const [text, expected] of Object.entries(spellings)) {
    t.equal(formatPlatform(parsePlatform(text)), expected);
    t.equal(formatPlatform(normalizePlatform(parsePlatform(expected))), expected, 'idempotent');
  }
  t.equal(formatPlatform(hostPlatform('linux', 'x64')), 'linux/amd64');
});

t.test(
  'item 11: features decide between equals, the order of the list between the rest',
  async (t) => {
    const wanted = { os: 'linux', architecture: 'amd64', 'os.features': ['a', 'b'] };
    const offers = [
      { name: 'first', platform: { os: 'linux', architecture: 'amd64' } },
      { name: 'second', platform: { os: 'linux', architecture: 'amd64' } },
      { name: 'more', platform: { os: 'linux', architecture: 'amd64', 'os.features': ['b'] } },
      { name: 'none', platform: undefined },
    ];
    const found = matchPlatforms(wanted, offers, ({ platform }) => platform);
    t.same(
      found.map(({ name }) => name),
      ['more', 'first', 'second'],
    );
  },
);

t.test('item 11: what is no platform', async (t) => {
  for (const text of [
    '',
    'linux',
    'linux/',
    '/amd64',
    'linux/amd64/v1/x',
    'linux/am d64',
    'a/b/c/d',
  ]) {
    t.throws(() => parsePlatform(text), { code: 'USAGE_INVALID' }, text);
  }
  t.equal(parsePlatformObject(null, 'x'), undefined);
  t.throws(() => parsePlatformObject({ os: 'linux' }, 'x'), { code: 'DESCRIPTOR_INVALID' });
  t.throws(() => parsePlatformObject('linux/amd64', 'x'), { code: 'DESCRIPTOR_INVALID' });
});
