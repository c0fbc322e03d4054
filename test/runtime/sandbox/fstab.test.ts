import t from 'tap';
import type { Identity, RunSpec } from '../../../src/runtime/index.ts';
import { mountTables } from '../../../src/runtime/sandbox/fstab.ts';

const map = [{ inside: 0, outside: 1000, count: 1 }];
const identity: Identity = {
  uid: 0,
  gid: 0,
  uidMap: map,
  gidMap: map,
  effective: [],
  bounding: [],
  noNewPrivileges: false,
  seccompFilter: false,
  ownProc: true,
  initialUserNamespace: false,
};

const spec: RunSpec = {
  id: 'x',
  rootfs: '/with space/#root\\fs',
  args: ['true'],
  env: [],
  cwd: '/',
  user: { uid: 0, gid: 0, additionalGids: [] },
  mounts: [
    { kind: 'bind', source: '/data/a\nb', target: '/mnt', readOnly: true },
    { kind: 'bind', source: '/home/x', target: '/volume', readOnly: false },
    { kind: 'tmpfs', target: '/run', mode: 0o700, sizeBytes: 4096 },
  ],
  network: 'host',
  hostname: 'h',
  readOnlyRootfs: false,
  capabilities: [],
  fakeRoot: false,
};

const mountInfo = [
  '1 0 0:1 / / rw,relatime - ext4 /dev/a rw',
  '2 1 0:2 / /home rw,nosuid,nodev,noatime - ext4 /dev/b rw',
  '3 1 0:3 / /data rw,noexec - ext4 /dev/c rw',
].join('\n');

t.test('odd characters are data, never another field or line', async (t) => {
  const { first, second } = mountTables(spec, true, identity, mountInfo);
  for (const line of `${first}${second}`.trim().split('\n'))
    t.equal(line.split(' ').length, 6, line);
  t.match(first, '/with\\040space/\\043root\\134fs /with\\040space/\\043root\\134fs none rbind');
  t.match(second, '/data/a\\012b /with\\040space/\\043root\\134fs/mnt none');
});

t.test('binds keep the flags that the kernel locked on their source', async (t) => {
  const { second } = mountTables(spec, true, identity, mountInfo);
  const optionsOf = (target: string) =>
    new Set(
      second
        .split('\n')
        .find((line) => line.includes(`fs/${target} `))
        ?.split(' ')[3]
        ?.split(','),
    );
  t.same(optionsOf('volume'), new Set(['rbind', 'nosuid', 'nodev', 'noatime']));
  t.same(optionsOf('mnt'), new Set(['rbind', 'noexec', 'nosuid', 'nodev', 'ro']));
  t.same(optionsOf('run'), new Set(['nosuid', 'nodev', 'mode=700', 'size=4096']));
});

t.test('the outer /proc is bound read-only and then not masked again', async (t) => {
  const bound = mountTables(spec, false, identity, mountInfo);
  t.match(bound.first, /^\/proc \S+\/proc none rbind\S*,ro/m);
  t.notMatch(bound.second, '/proc/');
  t.match(mountTables(spec, true, identity, mountInfo).second, '/proc/sys');
});

t.test('the terminal group is only named where it exists', async (t) => {
  t.notMatch(mountTables(spec, true, identity, mountInfo).second, 'gid=5');
  const many = [{ inside: 0, outside: 0, count: 100 }];
  t.match(mountTables(spec, true, { ...identity, gidMap: many }, mountInfo).second, 'gid=5');
});
