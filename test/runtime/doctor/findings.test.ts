/** What doctor makes of machines that are not at hand. */

import t from 'tap';
import { fullMapFix, userNamespaceAdvice } from '../../../src/runtime/doctor/advice.ts';
import { advisoryFinding } from '../../../src/runtime/doctor/advisories.ts';
import { type GroupProbe, groupFindings } from '../../../src/runtime/doctor/control-groups.ts';
import type { Facts } from '../../../src/runtime/doctor/facts.ts';
import { describeEnvironment, passiveFindings } from '../../../src/runtime/doctor/passive.ts';
import { renderDoctor } from '../../../src/runtime/index.ts';
import { parseMounts } from '../../../src/runtime/machine/mounts.ts';

const programs = {
  unshare: '/bin/unshare',
  setpriv: '/bin/setpriv',
  mount: '/bin/mount',
  newuidmap: '/bin/newuidmap',
  newgidmap: '/bin/newgidmap',
  crun: undefined,
  runc: '/sbin/runc',
  bwrap: undefined,
  podman: undefined,
};
const whole = [{ inside: 0, outside: 0, count: 4294967295 }];

/** A desktop on which everything works. */
const desktop: Facts = {
  identity: {
    uid: 1000,
    gid: 1000,
    userName: 'ann',
    uidMap: whole,
    gidMap: whole,
    effective: [],
    bounding: ['CAP_SYS_ADMIN', 'CAP_SETUID'],
    noNewPrivileges: false,
    seccompFilter: false,
    ownProc: true,
    initialUserNamespace: true,
  },
  sysctls: {
    'user.max_user_namespaces': '100000',
    'kernel.unprivileged_userns_clone': undefined,
    'kernel.apparmor_restrict_unprivileged_userns': undefined,
  },
  label: 'unconfined',
  mounts: [
    { root: '/', point: '/', type: 'ext4' },
    { root: '/', point: '/proc', type: 'proc' },
    { root: '/', point: '/sys/fs/cgroup', type: 'cgroup2' },
  ],
  noSubordinateIds: undefined,
  newuidmap: 'setuid',
  newgidmap: 'setuid',
  tunnel: true,
  userManager: true,
  programs,
  surroundings: [],
};

const identity = (change: Partial<Facts['identity']>): Facts => ({
  ...desktop,
  identity: { ...desktop.identity, ...change },
});

const mounted = (point: string, type: string) => ({ root: '/', point, type });

function problems(facts: Facts): Readonly<Record<string, string | undefined>> {
  const bad = passiveFindings(facts).filter(({ status }) => status !== 'pass');
  return Object.fromEntries(bad.map(({ id, fix }) => [id, fix]));
}

t.test('where everything works nothing is complained about', async (t) => {
  t.same(problems(desktop), {});
  t.equal(describeEnvironment(desktop), 'plain machine, uid 1000:1000 (ann)');
});

t.test('each obstacle is found and has its fix', async (t) => {
  const cases: readonly (readonly [string, Facts, string, RegExp])[] = [
    [
      'limit',
      { ...desktop, sysctls: { ...desktop.sysctls, 'user.max_user_namespaces': '0' } },
      'user.max_user_namespaces',
      /sysctl -w user/,
    ],
    [
      'debian',
      { ...desktop, sysctls: { ...desktop.sysctls, 'kernel.unprivileged_userns_clone': '0' } },
      'kernel.unprivileged_userns_clone',
      /=1/,
    ],
    [
      'ubuntu',
      {
        ...desktop,
        sysctls: { ...desktop.sysctls, 'kernel.apparmor_restrict_unprivileged_userns': '1' },
      },
      'kernel.apparmor_restrict_unprivileged_userns',
      /=0/,
    ],
    ['escalation', identity({ noNewPrivileges: true }), 'no-new-privs', /allowPrivilegeEscalation/],
    [
      'no ranges',
      { ...desktop, noSubordinateIds: 'none' },
      'subordinate-ids',
      /usermod --add-subuids 100000-165535 .* ann/,
    ],
    ['no helper', { ...desktop, newuidmap: 'absent' }, 'newuidmap', /uidmap/],
    [
      'setuid helper in a pod',
      identity({ bounding: ['CAP_SETUID'] }),
      'newuidmap',
      /setcap cap_setuid=ep/,
    ],
    [
      'masked',
      { ...desktop, mounts: [...desktop.mounts, mounted('/proc/kcore', 'tmpfs')] },
      'proc',
      /procMount: Unmasked/,
    ],
    [
      'no runtime',
      { ...desktop, programs: { ...programs, runc: undefined } },
      'runtime',
      /install crun/,
    ],
    [
      'no util-linux',
      { ...desktop, programs: { ...programs, unshare: undefined } },
      'program.unshare',
      /util-linux/,
    ],
  ];
  for (const [name, facts, id, fix] of cases) {
    t.same(Object.keys(problems(facts)), [id], name);
    t.match(problems(facts)[id], fix, name);
  }
  const { userName: _, ...nameless } = desktop.identity;
  t.ok('identity' in problems({ ...desktop, identity: nameless }));
});

t.test('inside a small namespace a range is advised that exists there', async (t) => {
  const map = [{ inside: 0, outside: 500000, count: 65536 }];
  const inner = {
    ...identity({ uidMap: map, initialUserNamespace: false }),
    noSubordinateIds: 'none',
  };
  t.match(fullMapFix(inner), /--add-subuids 1-999/);
});

t.test('each errno has its own explanation', async (t) => {
  const pod = { ...identity({ seccompFilter: true }), surroundings: ['kubernetes'] };
  const docker = { ...identity({ seccompFilter: true }), surroundings: ['docker container'] };
  t.match(userNamespaceAdvice('ENOSPC', desktop)?.fix, /max_user_namespaces/);
  t.match(userNamespaceAdvice('ENOSYS', pod), { cause: /CRI-O/, fix: /seccompProfile/ });
  t.match(userNamespaceAdvice('EPERM', pod)?.fix, /securityContext/);
  t.match(userNamespaceAdvice('EPERM', docker)?.fix, /--security-opt seccomp/);
  t.match(userNamespaceAdvice('EACCES', desktop)?.cause, /security module/);
  t.match(userNamespaceAdvice('EPERM', desktop)?.cause, /security module/);
  t.match(userNamespaceAdvice('EINVAL', desktop)?.cause, /kernel/);
  t.equal(userNamespaceAdvice(undefined, desktop), undefined);
});

t.test('X02: runtimes with known holes are named with their advisories', async (t) => {
  const cases: readonly (readonly ['runc' | 'crun' | 'bwrap', string, RegExp | undefined])[] = [
    ['runc', '1.1.5+ds1', /CVE-2024-21626, CVE-2025-31133/],
    ['runc', '1.1.12', /^(?!.*21626).*CVE-2025-52881/],
    ['runc', '1.2.7', /CVE-2025-52565/],
    ['runc', '1.2.8', undefined],
    ['runc', '1.3.2', /CVE-2025/],
    ['runc', '1.3.3', undefined],
    ['runc', '1.4.0', undefined],
    ['runc', '2.0.0', undefined],
    ['crun', '1.29.1', /CVE-2026-88264/],
    ['crun', '1.30', undefined],
    ['bwrap', '0.1.0', undefined],
  ];
  for (const [name, version, expected] of cases) {
    const finding = advisoryFinding(name, version);
    if (expected === undefined) t.equal(finding, undefined, `${name} ${version}`);
    else t.match(finding?.detail, expected, `${name} ${version}`);
  }
});

t.test('what control groups keep is said, with what would help', async (t) => {
  const nothing = { controllers: [], reasons: ['/sys/fs/cgroup/session: EACCES'] };
  const inPod: Facts = { ...desktop, surroundings: ['kubernetes'] };
  const hybrid: Facts = {
    ...desktop,
    mounts: [...desktop.mounts, mounted('/sys/fs/cgroup/cpu', 'cgroup')],
  };
  const cases: readonly (readonly [Facts, GroupProbe, RegExp, RegExp | undefined])[] = [
    [desktop, nothing, /^no .* delegated to us \(.*EACCES\); --memory is watched/, /systemd-run/],
    [{ ...desktop, userManager: false }, nothing, /^no control group/, /docs\/sandbox\.md/],
    [identity({ uid: 0 }), nothing, /^no control group/, /docs\/sandbox\.md/],
    [inPod, nothing, /^no control group/, undefined],
    [hybrid, nothing, /^no control group/, /unified_cgroup_hierarchy/],
    [
      desktop,
      { controllers: ['memory', 'pids'], reasons: ['/sys/fs/cgroup/app.slice: cpu is not there'] },
      /^delegated to us: memory, pids, not cpu \(.*\); --cpus means whole processors$/,
      /Delegate=cpu memory pids/,
    ],
  ];
  for (const [facts, probe, detail, fix] of cases) {
    const [finding] = groupFindings(facts, probe);
    t.equal(finding?.status, 'warn');
    t.match(finding?.detail, detail);
    if (fix === undefined) t.equal(finding?.fix, undefined);
    else t.match(finding?.fix, fix);
  }
  const all = { controllers: ['memory', 'pids', 'cpu'], reasons: [] } as const;
  t.same(groupFindings(desktop, all), [
    { id: 'cgroup', status: 'pass', detail: 'delegated to us: memory, pids, cpu' },
  ]);
  t.same(
    groupFindings(hybrid, all).map(({ id, status }) => `${id} ${status}`),
    ['cgroup pass', 'cgroup.hybrid warn'],
  );
});

t.test('mountinfo is read whole', async (t) => {
  const text =
    '31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 master:1 - tmpfs tmpfs rw,mode=755\n36 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root rw\n';
  t.same(parseMounts(text), [
    { root: '/', point: '/sys/fs/cgroup', type: 'tmpfs' },
    { root: '/mnt1', point: '/mnt2', type: 'ext3' },
  ]);
});

t.test('the text has the chain first and every fix once', async (t) => {
  const text = renderDoctor({
    environment: 'plain machine',
    findings: [
      { id: 'one', status: 'pass', detail: 'fine', fix: 'never shown' },
      { id: 'longer', status: 'fail', detail: 'broken', errno: 'EPERM', fix: 'mend it' },
    ],
    chain: {
      mapping: 'single',
      method: 'single-id',
      idRange: '0-0=1-1',
      storage: 'overlay',
      executor: 'bwrap',
      isolation: 'C',
      limitations: ['only one user id exists'],
      executorAsRoot: 'runc',
      considered: [],
    },
    improvements: ['mend it'],
    milliseconds: 5,
  });
  t.equal(
    text,
    `environment  plain machine
id mapping   single (single-id) 0-0=1-1
storage      overlay
executor     bwrap
  as root    runc
isolation    C, only one user id exists

ok    one     fine
FAIL  longer  broken (EPERM)
              -> mend it

to improve
  - mend it
`,
  );
});
