import t from 'tap';
import type { IdExtent, Identity } from '../../../src/runtime/index.ts';
import {
  describeMap,
  formatMap,
  identityMaps,
  subordinateMaps,
} from '../../../src/runtime/namespace/id-ranges.ts';

const whole = [{ inside: 0, outside: 0, count: 4294967295 }];

function identity(uid: number, map: readonly IdExtent[] = whole, userName?: string): Identity {
  return {
    uid,
    gid: uid,
    ...(userName === undefined ? {} : { userName }),
    uidMap: map,
    gidMap: map,
    effective: [],
    bounding: [],
    noNewPrivileges: false,
    seccompFilter: false,
    ownProc: true,
    initialUserNamespace: map === whole,
  };
}

const files = (text: string) => ({ subuid: text, subgid: text });

t.test('the user is root, and all its ranges follow', async (t) => {
  const text = 'other:1:5\nann:100000:65536\nann:300000:10\n';
  t.same(subordinateMaps(identity(1000, whole, 'ann'), files(text)), {
    uid: [
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 100000, count: 65536 },
      { inside: 65537, outside: 300000, count: 10 },
    ],
    gid: [
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 100000, count: 65536 },
      { inside: 65537, outside: 300000, count: 10 },
    ],
  });
});

t.test('a range may belong to a number', async (t) => {
  t.type(subordinateMaps(identity(1000), files('1000:5:5\n')), 'object');
});

t.test('without a range there is a reason', async (t) => {
  t.match(subordinateMaps(identity(1000, whole, 'ann'), files('bob:1:1')), /subuid.*ann/);
  t.match(subordinateMaps(identity(77), files('')), /uid 77/);
  t.match(subordinateMaps(identity(1, whole, 'ann'), { subuid: 'ann:1:1', subgid: '' }), /subgid/);
});

t.test('broken lines are no ranges', async (t) => {
  for (const line of ['ann', 'ann:x:5', 'ann:5:0', 'ann:5', 'ann:1.5:2', ':::']) {
    t.type(subordinateMaps(identity(1000, whole, 'ann'), files(line)), 'string', line);
  }
});

t.test('ranges beyond the ids of the surrounding namespace do not count', async (t) => {
  const inner = [{ inside: 0, outside: 500000, count: 65536 }];
  const beyond = subordinateMaps(identity(1000, inner, 'ann'), files('ann:100000:65536'));
  t.match(beyond, /exists in this user namespace/);
  const within = files('ann:100000:65536\nann:1:999\nann:1001:64535');
  t.match(subordinateMaps(identity(1000, inner, 'ann'), within), {
    uid: [{ outside: 1000 }, { outside: 1, count: 999 }, { outside: 1001, count: 64535 }],
  });
});

t.test('users of the machine are not given to a build that has ids of its own', async (t) => {
  const both = files('ann:100000:65536\nann:1:999\nann:1001:64535');
  t.strictSame(subordinateMaps(identity(1000, whole, 'ann'), both), {
    uid: [
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 100000, count: 65536 },
    ],
    gid: [
      { inside: 0, outside: 1000, count: 1 },
      { inside: 1, outside: 100000, count: 65536 },
    ],
  });
});

t.test('an identity map copies the extents of the parent', async (t) => {
  const map = [
    { inside: 0, outside: 2001, count: 1 },
    { inside: 1, outside: 200000, count: 65536 },
  ];
  t.equal(formatMap(identityMaps(identity(0, map)).uid), '0 0 1\n1 1 65536\n');
  t.equal(describeMap(map), '0-0=2001-2001 1-65536=200000-265535');
});
