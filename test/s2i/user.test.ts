import t from 'tap';
import {
  assembleUserOf,
  checkAllowedUids,
  parseUidRanges,
  parseUserSpec,
  resolveUser,
} from '../../src/s2i/index.ts';
import { fc } from '../support/property.ts';
import { allowedUidRows } from './allowed-uid-rows.ts';
import { failure } from './support.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  '',
  '# comment',
  'broken',
  'half:x:1:',
  'bad:x:-1:0::/:',
  'huge:x:4294967296:0::/:',
  'default:x:1001:0:Default:/opt/app-root/src:/sbin/nologin',
  'other:x:1001:5::/home/other:',
  'nohome:x:7:8:::',
  '1500:x:1600:1600::/num:',
].join('\n');
const group = [
  'root:x:0:',
  'wheel:x:10:default,other',
  'audio:x:20:default',
  'twice:x:10:default',
  'bad:x:99999999999:default',
  'none:x:30:',
].join('\n');
const resolve = (user: string) => resolveUser(user, passwd, group);

t.test('M10 users of images are looked up as runc does', async (t) => {
  t.same(resolve(''), { uid: 0, gid: 0, additionalGids: [0], home: '/root', name: 'root' });
  t.same(resolve('default'), {
    uid: 1001,
    gid: 0,
    additionalGids: [0, 10, 20],
    home: '/opt/app-root/src',
    name: 'default',
  });
  t.same(resolve('1001'), resolve('default'), 'the first line counts');
  t.same(resolve('1001:0'), {
    uid: 1001,
    gid: 0,
    additionalGids: [0],
    home: '/opt/app-root/src',
    name: 'default',
  });
  t.same(resolve('other:wheel'), {
    uid: 1001,
    gid: 10,
    additionalGids: [10],
    home: '/home/other',
    name: 'other',
  });
  t.same(resolve('4242'), { uid: 4242, gid: 0, additionalGids: [0] }, 'an unknown number');
  t.same(resolve('4242:4343'), { uid: 4242, gid: 4343, additionalGids: [4343] });
  t.match(resolve('nohome'), { home: '/' });
  t.match(resolve('1500'), { uid: 1600 }, 'a name of digits is a name');
  t.same(resolveUser('0', '', ''), { uid: 0, gid: 0, additionalGids: [0] });
});

t.test(
  'M10 CVE-2024-40635 CVE-2026-30892: what is no user is refused, never taken for root',
  async (t) => {
    const hostile = [
      '4294967296',
      '2147483648:0',
      '2147483647',
      '0:2147483648',
      '-1',
      '1:',
      ':1',
      ':',
      ' 1',
      '1 ',
      '1001\n0',
      'user;id',
      'a:b:c',
      '0x0',
      '1e3',
      '+1',
      '1.0',
      'ro\u0000ot',
      '../root',
      '$(id)',
      'ünï',
      `a${'b'.repeat(300)}`,
      '-l',
      '99999999999999999999',
    ];
    for (const user of hostile) {
      t.match(
        failure(() => resolve(user)),
        { code: 'IMAGE_CONFIG_INVALID', exitCode: 3 },
        JSON.stringify(user),
      );
      t.match(
        failure(() => resolveUser(user, passwd, group, { what: '--assemble-user', from: 'user' })),
        { code: 'USAGE_INVALID', exitCode: 2 },
      );
    }
  },
);

t.test('M10 names the image does not have', async (t) => {
  for (const user of ['nobody', 'default:nogroup', 'broken', 'half', 'bad', 'huge'])
    t.match(
      failure(() => resolve(user)),
      { code: 'BUILDER_INVALID', exitCode: 8 },
      user,
    );
  t.match(
    failure(() => resolve('default:bad')),
    { message: /\/etc\/group/ },
  );
});

t.test('what parses is a name or a number within range', async () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      if (failure(() => parseUserSpec(text)) !== undefined) return true;
      const { user, group: wanted } = parseUserSpec(text);
      return [user, wanted ?? '0'].every((part) =>
        /^\d+$/.test(part) ? Number(part) <= 2 ** 31 - 2 : /^[A-Za-z_][\w.@-]*\$?$/.test(part),
      );
    }),
    { numRuns: 2000 },
  );
});

t.test('E1 the user of assemble: flag, label, image', async (t) => {
  t.match(assembleUserOf({ flag: '1', label: '2', image: '3' }), { user: '1', from: 'user' });
  t.match(assembleUserOf({ flag: '', label: '2', image: '3' }), { user: '2', from: 'image' });
  t.match(assembleUserOf({ image: '3' }), { user: '3', from: 'image' });
  t.match(assembleUserOf({ label: '', image: '' }), { user: '' });
});

t.test('ranges of user ids', async (t) => {
  t.same(parseUidRanges(''), []);
  t.same(parseUidRanges('1-10,30-, -5 ,7'), [
    { from: 1, to: 10 },
    { from: 30, to: 2 ** 31 - 2 },
    { from: 0, to: 5 },
    { from: 7, to: 7 },
  ]);
  for (const text of [
    'a',
    '1-a',
    '-',
    '5-1',
    '--1',
    '1--2',
    '1 2',
    '99999999999',
    '1-2-3',
    '2147483648',
  ])
    t.match(
      failure(() => parseUidRanges(text)),
      { code: 'USAGE_INVALID' },
      text,
    );
});

t.test('E4 the 22 rows of allowed user ids', async (t) => {
  t.equal(allowedUidRows.length, 22);
  for (const [ranges, image, extra, allowed] of allowedUidRows) {
    const error = failure(() => checkAllowedUids(parseUidRanges(ranges), { image, ...extra }));
    const name = JSON.stringify([ranges, image, extra]);
    if (allowed) t.equal(error, undefined, name);
    else t.match(error, { code: 'USER_NOT_ALLOWED', exitCode: 8, message: /--allowed-uids/ }, name);
  }
});
