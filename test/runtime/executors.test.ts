/** Whatever executor runs a process: it sees the same, may do the same, and ends the same. */

import { checkEverywhere, everywhere, sh } from './support/behaviours.ts';

const appUser = { uid: 1001, gid: 0, additionalGids: [] };

everywhere(
  'exit codes pass through',
  [sh('exit 0'), sh('exit 7'), sh('exit 255')],
  (t, { status }, { index }) => {
    t.same(status, { code: [0, 7, 255][index] });
  },
);

everywhere(
  'the process is who it should be, and so are its files',
  [
    sh('id -u; id -g; touch /tmp/own; stat -c %u:%g /tmp/own'),
    sh('id -u; id -g; touch /tmp/own2; stat -c %u:%g /tmp/own2', { user: appUser }),
  ],
  (t, { status, stdout }, { index }) => {
    t.same(status, { code: 0 });
    t.equal(stdout, ['0\n0\n0:0\n', '1001\n0\n1001:0\n'][index]);
  },
);

everywhere(
  'additional groups exist under a full map',
  [sh('id -G', { user: { uid: 1001, gid: 0, additionalGids: [5, 33] } })],
  (t, outcome) => t.match(outcome.stdout, /^0 (0 )?5 33\n$/, JSON.stringify(outcome)),
  { kinds: ['with-subuids'] },
);

const env = [
  'PATH=/bin',
  'EMPTY=',
  'ODD.NAME=dots',
  'QUOTES=\'"$`',
  'LD_PRELOAD=/none.so',
  'A=1',
  'A=2',
];
const addedByRuntimes = ['PWD', 'HOME', 'HOSTNAME'];

everywhere(
  'exactly the variables of the spec are there, none of the host',
  [{ args: ['/bin/busybox', 'env'], env }],
  (t, { stdout, stderr, status }) => {
    t.same(status, { code: 0 }, stderr);
    const seen = stdout.trim().split('\n');
    const own = seen.filter((variable) => !addedByRuntimes.includes(variable.split('=')[0] ?? ''));
    t.same(own.sort(), env.filter((variable) => variable !== 'A=1').sort());
  },
);

everywhere(
  'values with several lines survive, or are refused by podman',
  [sh('printf "%s|" "$LINES"', { env: ['PATH=/bin', "LINES=one\n two'\n"] })],
  (t, { stdout, status }, { executor }) => {
    if (executor === 'podman') t.match(status?.runtimeFailure, /LINES.*several lines/);
    else t.equal(stdout, "one\n two'\n|");
  },
);

everywhere(
  'the working directory is that of the spec',
  [sh('pwd', { cwd: '/work', user: appUser }), sh('pwd', { cwd: '/work' })],
  (t, { stdout }) => t.equal(stdout, '/work\n'),
);

everywhere(
  'a program that does not exist, or is none, is no success',
  [{ args: ['/nowhere'] }, { args: ['/etc/passwd'] }],
  (t, { status, stderr }) => {
    t.not(status?.code, 0);
    t.ok(status?.runtimeFailure !== undefined || stderr !== '', 'and something is said');
  },
);

everywhere(
  'daemons are gone when the process ends, and nothing waits for them',
  [
    sh(
      'setsid sh -c "sleep 600 & sleep 600" & (while :; do date +%s%N > /work/alive; done) & sleep 0.2; exit 3',
    ),
    sh('cat /work/alive > /tmp/a; sleep 0.2; cmp /work/alive /tmp/a'),
  ],
  (t, { status, milliseconds }, { index }) => {
    t.same(status, { code: [3, 0][index] }, 'and nothing writes any more');
    t.ok(milliseconds < 10_000);
  },
);

everywhere(
  'an abort ends the whole tree, whatever it ignores',
  [sh('trap "" TERM INT HUP; setsid sleep 600 & sleep 600', { abortAfter: 2000 })],
  (t, { status, milliseconds }) => {
    t.equal(status?.code, 137);
    t.ok(milliseconds < 5000, `${milliseconds} ms`);
  },
);

everywhere(
  'a process killed by a signal ends with 128 and its number',
  // whoever is the first of a pid namespace cannot kill itself, so its child does the dying
  [sh("sh -c 'kill -KILL $$'; exit $?"), sh("sh -c 'kill -TERM $$'; exit $?")],
  (t, { status }, { index }) => t.same(status, { code: [137, 143][index] }),
);

everywhere(
  'limits of open files and file size hold',
  [
    sh('ulimit -n; head -c 10000 /dev/zero > /work/big; echo $?; stat -c %s /work/big', {
      limits: { openFiles: 64, fileSize: 4096 },
    }),
  ],
  (t, { stdout }) => {
    const [files, code, size] = stdout.trim().split('\n');
    t.equal(files, '64');
    t.not(code, '0');
    t.equal(size, '4096');
  },
);

everywhere(
  'X06: memory beyond the limit ends the run, and it says so',
  [
    sh('head -c 600000000 /dev/zero | tail -c 500000000 | wc -c; sleep 60', {
      limits: { memory: 100 * 1024 * 1024 },
    }),
    sh('head -c 6000000 /dev/zero | tail -c 5000000 | wc -c; sleep 1', {
      limits: { memory: 100 * 1024 * 1024 },
    }),
  ],
  (t, { status, milliseconds }, { index }) => {
    t.same(status, [{ code: 137, limit: 'memory' }, { code: 0 }][index]);
    t.ok(milliseconds < 20_000);
  },
);

everywhere(
  'X06: a fork bomb ends at its limit',
  [
    // the kernel ends one that goes too fast to be seen: its shells cannot fork, and give up
    sh('bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 4', {
      limits: { processes: 60 },
      user: appUser,
    }),
    sh('for i in $(seq 100); do sleep 60 & done; wait', {
      limits: { processes: 60 },
      user: appUser,
    }),
    sh('for i in $(seq 5); do sleep 1 & done; wait', { limits: { processes: 60 } }),
  ],
  (t, { status, milliseconds }, { index }) => {
    const ended = [
      [{ code: 137, limit: 'processes' }, { code: 0 }, { code: 2 }],
      [{ code: 137, limit: 'processes' }],
      [{ code: 0 }],
    ][index];
    t.ok(
      ended?.some((one) => JSON.stringify(one) === JSON.stringify(status)),
      JSON.stringify(status),
    );
    t.ok(milliseconds < 20_000, `${milliseconds} ms`);
  },
);

everywhere(
  'a run stays on the processors that it may use',
  [sh('nproc', { limits: { cpus: 1 } })],
  (t, { stdout }) => t.equal(stdout, '1\n'),
);

everywhere(
  'root is emulated under a single id',
  [
    sh(
      'chown 33:33 /tmp && mknod /tmp/null c 1 3 && mknod /tmp/pipe p && [ -p /tmp/pipe ] && chgrp 4 /tmp; echo $?; [ -e /tmp/null ]; echo $?',
      {
        fakeRoot: true,
      },
    ),
  ],
  (t, { stdout }) => t.equal(stdout, '0\n1\n'),
  { kinds: ['without-subuids'] },
);

everywhere(
  'owners are real under a full map',
  [sh('touch /tmp/f; chown 33:34 /tmp/f; stat -c %u:%g /tmp/f', { fakeRoot: true })],
  (t, { stdout }) => t.equal(stdout, '33:34\n'),
  { kinds: ['with-subuids'] },
);

everywhere(
  'malformed specs are refused before anything runs',
  [
    sh('true', { cwd: '/missing' }),
    sh('true', { cwd: 'relative' }),
    { args: [] },
    sh('true', { mounts: [{ kind: 'tmpfs', target: '/missing' }] }),
    sh('true', { env: ['A=\0'] }),
  ],
  (t, { error }) => t.equal(error?.code, 'RUNTIME_FAILED'),
);

await checkEverywhere();
