/** Where the groups of a process are found, for layouts of machines that are not at hand. */

import t from 'tap';
import { groupsUpwards } from '../../../src/runtime/cgroup/hierarchy.ts';

const mount = (root: string, point: string, type = 'cgroup2') =>
  `31 23 0:28 ${root} ${point} rw,relatime - ${type} ${type} rw`;

t.test('a session of systemd, from its own group upwards', async (t) => {
  const own = '0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n';
  const manager = '/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service';
  t.same(groupsUpwards(own, mount('/', '/sys/fs/cgroup')), [
    `${manager}/app.slice/run-1.scope`,
    `${manager}/app.slice`,
    manager,
    '/sys/fs/cgroup/user.slice/user-1000.slice',
    '/sys/fs/cgroup/user.slice',
    '/sys/fs/cgroup',
  ]);
});

t.test(
  'a hybrid machine and a container of its own namespace, where the group is the top',
  async (t) => {
    const own = '4:memory:/other\n1:cpu:/\n0::/\n';
    const mounts = [
      mount('/', '/sys/fs/cgroup/memory', 'cgroup'),
      mount('/', '/sys/fs/cgroup/unified'),
    ].join('\n');
    t.same(groupsUpwards(own, mounts), ['/sys/fs/cgroup/unified']);
  },
);

t.test('a container that sees only its own part', async (t) => {
  const own = '0::/docker/abc/job\n';
  const mounts = mount('/docker/abc', '/sys/fs/cgroup');
  t.same(groupsUpwards(own, mounts), ['/sys/fs/cgroup/job', '/sys/fs/cgroup']);
  t.same(groupsUpwards('0::/docker/abc\n', mounts), ['/sys/fs/cgroup']);
  t.same(groupsUpwards('0::/docker/abcd\n', mounts), [], 'another of a like name');
});

t.test('of several mounts the one in sight that has the group', async (t) => {
  const mounts = [mount('/', '/first'), mount('/', '/second'), mount('/other', '/third')];
  t.same(groupsUpwards('0::/job\n', mounts.join('\n')), ['/second/job', '/second']);
});

t.test('nothing where there is nothing', async (t) => {
  const mounts = mount('/', '/sys/fs/cgroup');
  t.same(groupsUpwards('1:cpu:/\n', mounts), [], 'version 1 alone');
  t.same(groupsUpwards('0::/../job\n', mounts), [], 'outside of the namespace');
  t.same(groupsUpwards('0::/job\n', mount('/', '/sys/fs/cgroup/cpu', 'cgroup')), []);
});
