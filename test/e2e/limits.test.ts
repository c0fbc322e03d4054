/** X06: whatever assemble does, the build ends within its limits, says which, and leaves nothing. */

import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type RunResult, run } from '../support/as-user.ts';
import { builderImage } from '../support/images.ts';
import { leftovers, mountsOf, openWorkbench, processesOf, succeed } from './support.ts';

t.setTimeout(600_000);

/** What runs these tests may be under a filter itself. */
const ownSeccomp = /^Seccomp:\s(\d)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];

interface Case {
  readonly name: string;
  readonly assemble: string;
  readonly options: readonly string[];
  readonly code: number;
  check?(t: Test, result: RunResult): void;
}

const cases: readonly Case[] = [
  {
    name: 'S02 memory beyond --memory',
    assemble: 'head -c 600000000 /dev/zero | tail -c 500000000 | wc -c; sleep 300',
    options: ['--memory', '100M'],
    code: 11,
    check: (t, { stderr }) => {
      t.match(stderr, /RESOURCE_LIMIT.*assemble used more memory than --memory allows/);
      t.match(stderr, 'watched every quarter of a second', 'and how firmly it holds is said');
    },
  },
  {
    name: 'S02 processes beyond --pids-limit',
    assemble: 'for i in $(seq 100); do sleep 300 & done; wait',
    options: ['--pids-limit', '50'],
    code: 11,
    check: (t, { stderr }) => t.match(stderr, /RESOURCE_LIMIT.*--pids-limit/),
  },
  {
    name: 'a script that ignores signals, closed its output and left daemons, beyond --timeout',
    assemble: 'trap "" TERM INT HUP; setsid sleep 300 & exec >&- 2>&-; while :; do sleep 1; done',
    options: ['--timeout', '2'],
    code: 11,
    check: (t, { stderr }) => t.match(stderr, /TIME_LIMIT.*took longer than 2 seconds/),
  },
  {
    name: 'S06 a daemon that holds stdout after the script has ended',
    assemble: 'setsid sleep 300 & echo built > /tmp/built',
    options: [],
    code: 0,
  },
  {
    name: 'closed output',
    assemble: 'exec >&- 2>&-; echo built > /tmp/built',
    options: [],
    code: 0,
  },
  {
    name: 'kill -9 -1, from inside its own world',
    assemble: '(kill -9 -1); echo built > /tmp/built; exit 3',
    options: [],
    code: 9,
  },
  {
    name: 'S05 a flood of lines',
    assemble: 'yes | head -c 30000000; echo built > /tmp/built',
    options: ['--log-limit', '100k'],
    code: 0,
    check: (t, { stderr }) => {
      t.ok(stderr.length < 1_000_000, `${stderr.length}`);
      t.match(stderr, 'output after 102400 bytes is not shown');
    },
  },
  {
    name: 'a flood without a line end',
    assemble: 'head -c 30000000 /dev/zero | tr "\\0" x; echo built > /tmp/built',
    options: ['--log-limit', '1M'],
    code: 0,
    check: (t, { stderr }) => t.ok(stderr.length < 3_000_000, `${stderr.length}`),
  },
  {
    name: 'other limits',
    assemble: 'ulimit -n; ulimit -H -n; nproc; echo built > /tmp/built',
    options: ['--ulimit', 'nofile=100:200', '--cpus', '0.5'],
    code: 0,
    check: (t, { stderr }) => {
      t.match(stderr, /\| 100\n.*\| 200\n.*\| 1\n/);
      t.match(stderr, '--cpus 0.5 counts as 1');
    },
  },
  {
    name: 'without the filter of system calls, where that is asked for',
    assemble: 'grep Seccomp: /proc/self/status; echo built > /tmp/built',
    options: ['--security-opt', 'seccomp=unconfined'],
    code: 0,
    check: (t, { stderr }) => {
      t.match(stderr, `| Seccomp:\t${ownSeccomp}\n`);
      t.match(stderr, 'isolation B');
    },
  },
  {
    name: 'with the filter of a profile',
    assemble: 'mkdir /tmp/new; echo built > /tmp/built',
    options: ['--security-opt', 'seccomp=no-directories.json'],
    code: 0,
    check: (t, { stderr }) => {
      t.match(stderr, "can't create directory '/tmp/new': Operation not permitted");
    },
  },
  {
    name: 'with a profile that says nothing',
    assemble: 'true',
    options: ['--security-opt', 'seccomp=wrong.json'],
    code: 2,
    check: (t, { stderr }) => t.match(stderr, /wrong\.json: syscalls\[0\]\.action: /),
  },
  {
    name: 'with a profile that is not there',
    assemble: 'true',
    options: ['--security-opt', 'seccomp=missing.json'],
    code: 2,
    check: (t, { stderr }) => t.match(stderr, /the profile cannot be read: ENOENT/),
  },
  {
    name: 'with a profile, where no filter can be set',
    assemble: 'true',
    options: ['--security-opt', 'seccomp=no-directories.json', '--executor', 'chroot'],
    code: 10,
    check: (t, { stderr }) => t.match(stderr, /chroot: it sets no filter of system calls here/),
  },
  {
    name: 'and not below the isolation that is asked for as well',
    assemble: 'true',
    options: ['--security-opt', 'seccomp=unconfined', '--min-isolation', 'A'],
    code: 10,
  },
  {
    name: 'a security option that only root could mean',
    assemble: 'true',
    options: ['--security-opt', 'label=disable'],
    code: 2,
    check: (t, { stderr }) => t.match(stderr, /only root may choose/),
  },
  {
    name: 'a limit that is none',
    assemble: 'true',
    options: ['--ulimit', 'msgqueue=1'],
    code: 2,
  },
];

t.test('X06 every ending is in order', async (t) => {
  await using bench = await openWorkbench();
  const { reference } = await builderImage('busybox');
  const source = join(bench.directory, 'source');
  await mkdir(join(source, '.s2i/bin'), { recursive: true });
  for (const [name, action] of [
    ['no-directories.json', 'SCMP_ACT_ERRNO'],
    ['wrong.json', 'SCMP_ACT_OTHER'],
  ] as const) {
    const syscalls = [{ names: ['mkdir', 'mkdirat'], action }];
    const profile = JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
    await writeFile(join(bench.directory, name), profile);
  }
  for (const { name, assemble, options, code, check } of cases) {
    await writeFile(join(source, '.s2i/bin/assemble'), `#!/bin/sh\n${assemble}\n`);
    await run('chown', ['-R', `${bench.user.uid}:${bench.user.gid}`, source]);
    const target = `oci:${join(bench.directory, 'image')}`;
    const plain = ['--progress', 'plain', '--assemble-user', '1001'];
    const built = await bench.s2oci(['build', source, reference, target, ...plain, ...options]);
    if (code === 0) succeed(t, built);
    t.equal(built.code, code, name);
    check?.(t, built);
    t.same(await processesOf(bench.home), [], `${name}: no process is left`);
    t.same(await mountsOf(bench.home), [], `${name}: no mount is left`);
    t.same(await leftovers(bench.home), [], `${name}: nothing is left in the store`);
  }
});
