/** What stands around a process in every executor, with the advisories that each wall answers. */

import { readFileSync } from 'node:fs';
import { checkEverywhere, everywhere, sh } from './support/behaviours.ts';
import { noDirectories } from './support/profiles.ts';

const appUser = { uid: 1001, gid: 0, additionalGids: [] };

everywhere(
  'X01, CVE-2024-21626: descriptors 0 to 2 and no others reach the process',
  [sh('ls /proc/self/fd'), sh('ls /proc/self/fd', { user: appUser })],
  // the scenario starts with descriptors of a shell open; the fourth here is the directory that ls reads
  (t, { stdout }) => t.equal(stdout, '0\n1\n2\n3\n'),
);

const privileges = 'grep -E "^(CapEff|CapPrm|NoNewPrivs|Seccomp):" /proc/self/status';

everywhere(
  'X04, GHSA-7236-3392-c5c6: no new privileges, few capabilities, a seccomp filter',
  [sh(privileges), sh(privileges, { user: appUser })],
  (t, { stdout }, { index }) => {
    t.match(stdout, /NoNewPrivs:\s+1/);
    t.match(stdout, /Seccomp:\s+2/);
    const expected = index === 0 ? /Cap\w+:\s+00000000800405fb/g : /Cap\w+:\s+0{16}/g;
    t.equal([...stdout.matchAll(expected)].length, 2, stdout);
  },
);

const ownSeccomp = /^Seccomp:\s(\d)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];

everywhere(
  'the filter is left out where that is asked for, and root emulated all the same',
  [
    sh('grep Seccomp: /proc/self/status', { seccomp: 'unconfined' }),
    sh('grep Seccomp: /proc/self/status; chown 33 /tmp; echo $?', {
      seccomp: 'unconfined',
      fakeRoot: true,
    }),
  ],
  (t, { stdout }, { index, kind }) => {
    const filter = index === 1 && kind === 'without-subuids' ? '2' : ownSeccomp;
    t.equal(stdout, `Seccomp:\t${filter}\n${index === 1 ? '0\n' : ''}`);
  },
);

everywhere(
  'the filter is the given one, and root emulated all the same',
  [
    sh('mkdir /tmp/new; grep Seccomp: /proc/self/status', { seccomp: noDirectories }),
    sh('mkdir /tmp/new; grep Seccomp: /proc/self/status', {
      seccomp: noDirectories,
      user: appUser,
    }),
    sh('chown 33 /tmp; echo $?; mkdir /tmp/new', { seccomp: noDirectories, fakeRoot: true }),
  ],
  (t, { stdout, stderr }, { index }) => {
    t.equal(stdout, index === 2 ? '0\n' : 'Seccomp:\t2\n');
    t.match(stderr, "can't create directory '/tmp/new': Operation not permitted");
  },
);

everywhere(
  'X04: a setuid program of the image gives nothing',
  [
    sh('cp /bin/busybox /tmp/busybox && chmod 4755 /tmp/busybox && ls -l /tmp/busybox | cut -c1-4'),
    sh('/tmp/busybox id -u; /tmp/busybox chown 0 /tmp/busybox 2>/dev/null; echo $?', {
      user: appUser,
    }),
  ],
  (t, { stdout }, { index }) => t.equal(stdout, ['-rws\n', '1001\n1\n'][index]),
);

everywhere(
  'capabilities that were taken away are gone, others are never granted',
  [
    sh('grep CapEff: /proc/self/status', {
      capabilities: ['CAP_CHOWN', 'CAP_SYS_CHROOT', 'CAP_SYS_ADMIN'],
    }),
  ],
  (t, { stdout }) => t.match(stdout, /CapEff:\s+0000000000040001/),
);

everywhere(
  'mounts, namespaces and the host name are out of reach',
  [
    sh(
      'unshare -m true; echo $?; mount -t tmpfs x /tmp; echo $?; umount /proc; echo $?; hostname evil; echo $?',
    ),
    sh('mount -t tmpfs x /tmp; echo $?; chroot / true; echo $?', { user: appUser }),
  ],
  (t, { stdout }) => t.notOk(stdout.split('\n').includes('0'), stdout),
);

everywhere(
  'processes, host name and message queues of the machine are out of sight',
  [sh('ls /proc | grep -c "^[0-9]"; hostname; cat /proc/sysvipc/msg | wc -l')],
  (t, { stdout }) => {
    const [processes, hostname, queues] = stdout.split('\n');
    t.ok(Number(processes) < 10, `${processes} processes`);
    t.equal(hostname, 'sandbox');
    t.equal(queues, '1', 'just the heading');
  },
);

const knownDevices =
  'console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero';
const devices = `
  for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done
  echo x > /dev/null && head -c 3 /dev/zero | wc -c
  echo to-stderr >&2; touch /dev/shm/x && echo shm
  readlink /dev/fd; ls /dev`;

everywhere(
  '/dev has what programs need and nothing else',
  [sh(devices), sh(devices, { user: appUser })],
  (t, { stdout, stderr }) => {
    t.match(stdout, /^3\nshm\n\/proc\/self\/fd\n/);
    t.match(stderr, /to-stderr/);
    const names = stdout.trim().split('\n').slice(3);
    t.same(
      names.filter((name) => !knownDevices.split(' ').includes(name)),
      [],
    );
  },
);

everywhere(
  'X02: what is not namespaced is masked or read-only',
  [
    sh(`
      (echo 1 > /proc/sys/kernel/panic) 2>/dev/null; echo $?
      (echo b > /proc/sysrq-trigger) 2>/dev/null; echo $?
      (echo x > /proc/sys/kernel/core_pattern) 2>/dev/null; echo $?
      cat /proc/kcore /proc/timer_list /proc/keys 2>/dev/null | wc -c
      ls /sys/firmware /sys/fs/cgroup 2>/dev/null | grep -vc :
      touch /sys/x 2>/dev/null; echo $?`),
  ],
  (t, { stdout }) => {
    const [sysctl, sysrq, core, bytes, names, sysfs] = stdout.trim().split('\n');
    for (const code of [sysctl, sysrq, core, sysfs]) t.not(code, '0');
    t.equal(bytes, '0');
    t.equal(names, '1', 'an empty line between the two');
  },
);

everywhere(
  'mounts appear where they should, with their restrictions, and leave nothing',
  [
    sh(
      `touch /work/x 2>/dev/null; echo $?
       stat -c %a /home; head -c 2000000 /dev/zero > /home/big 2>/dev/null; echo $?
       grep ' /work ' /proc/self/mountinfo | grep -c nosuid`,
      {
        mounts: [
          { kind: 'bind', source: 'state', target: '/work', readOnly: true },
          { kind: 'tmpfs', target: '/home', mode: 0o700, sizeBytes: 1024 * 1024 },
        ],
      },
    ),
  ],
  (t, { stdout, added, stderr }) => {
    const [write, mode, big, nosuid] = stdout.trim().split('\n');
    t.not(write, '0', stderr);
    t.equal(mode, '700');
    t.not(big, '0');
    t.equal(nosuid, '1');
    t.same(added, []);
  },
);

const volume = [{ kind: 'bind', source: 'volume', target: '/work', readOnly: false }] as const;

everywhere(
  'a writable bind mount reaches its source',
  [sh('echo made > /work/made', { mounts: volume }), sh('cat /work/made', { mounts: volume })],
  (t, { status, stdout }, { index }) => {
    t.same(status, { code: 0 });
    t.equal(stdout, ['', 'made\n'][index]);
  },
);

everywhere(
  'a read-only root filesystem cannot be written',
  [sh('touch /etc/x 2>/dev/null; echo $?; touch /dev/shm/x; echo $?', { readOnlyRootfs: true })],
  (t, { stdout, added }) => {
    t.equal(stdout, '1\n0\n');
    t.same(added, []);
  },
);

everywhere(
  'without network there is only a loopback, and it is up',
  [
    sh('grep -c : /proc/net/dev; ip addr show lo | grep -c "inet 127.0.0.1"', {
      network: 'none',
    }),
  ],
  (t, { stdout }) => t.equal(stdout, '1\n1\n'),
);

everywhere(
  'X03, CVE-2024-45310: mount points that are symlinks stay inside the root filesystem',
  [
    sh('cat /etc/resolv.conf; cat /run/x/stub', {
      mounts: [{ kind: 'bind', source: 'file', target: '/etc/resolv.conf', readOnly: true }],
    }),
  ],
  (t, { status, stdout, stderr }) => {
    t.same(status, { code: 0 }, stderr);
    t.equal(stdout, 'content\ncontent\n');
  },
  { prepare: 'mkdir -p run/x; : > run/x/stub; ln -s ../../../../run/x/stub etc/resolv.conf' },
);

everywhere(
  'X02, CVE-2025-31133: a /proc that is a symlink is refused',
  [sh('true')],
  (t, { error }) => {
    t.equal(error?.code, 'PATH_UNSAFE');
    t.match(error?.message, /\/proc/);
  },
  { prepare: 'rmdir proc; ln -s tmp proc' },
);

await checkEverywhere();
