/** What the filter answers, by executing its BPF form and by reading its OCI form. */

import { readFileSync } from 'node:fs';
import t from 'tap';
import { compileBpf } from '../../../src/runtime/seccomp/bpf.ts';
import type { SeccompFilter } from '../../../src/runtime/seccomp/filter.ts';
import { ociSeccomp } from '../../../src/runtime/seccomp/oci.ts';
import { buildStepFilter } from '../../../src/runtime/seccomp/profile.ts';
import { syscallTable } from '../../../src/runtime/seccomp/syscalls.ts';
import { fc } from '../../support/property.ts';
import { runBpf } from './bpf-machine.ts';

const allow = 0x7fff0000;
const errno = (number: number) => 0x00050000 | number;
const killProcess = 0x80000000;

for (const architecture of ['x64', 'arm64', 'riscv64'] as const) {
  const table = syscallTable(architecture);
  if (table === undefined) throw new Error(`no table for ${architecture}`);
  const ask = (fakeRoot: boolean) => {
    const filter = buildStepFilter(fakeRoot, table);
    const program = filter === undefined ? undefined : compileBpf(filter, table);
    if (program === undefined) throw new Error('no filter');
    return (name: string | number, ...args: readonly number[]) => {
      const number = typeof name === 'number' ? name : table.numbers.get(name);
      if (number === undefined) throw new Error(`${name} is unknown on ${architecture}`);
      return runBpf(program, { number, architecture: table.audit, args: args.map(BigInt) });
    };
  };
  const plain = ask(false);
  const emulated = ask(true);

  t.test(`${architecture}: everyday calls are allowed, dangerous ones are not`, async (t) => {
    for (const name of [
      'read',
      'openat',
      'execve',
      'mmap',
      'futex',
      'statx',
      'fchownat',
      'setuid',
      'chroot',
      'ptrace',
      'mknodat',
    ]) {
      t.equal(plain(name), allow, name);
    }
    for (const name of [
      'mount',
      'umount2',
      'unshare',
      'setns',
      'bpf',
      'keyctl',
      'io_uring_setup',
      'open_by_handle_at',
      'init_module',
      'kexec_load',
      'pivot_root',
      'clone3',
      'userfaultfd',
      'sethostname',
      'fsopen',
      'move_mount',
    ]) {
      t.equal(plain(name), errno(38), name);
    }
    t.equal(plain(5000), errno(38), 'calls of later kernels look unknown');
    t.equal(plain(0x40000000 + 1), errno(38), 'and so does the x32 interface');
  });

  t.test(`${architecture}: processes may be made, namespaces may not`, async (t) => {
    t.equal(plain('clone', 0x01200011), allow);
    for (const flag of [
      0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
    ]) {
      t.equal(plain('clone', 0x01200011 | flag), errno(38), flag.toString(16));
    }
  });

  t.test(`${architecture}: only the usual socket families`, async (t) => {
    for (const family of [1, 2, 10, 16]) t.equal(plain('socket', family), allow);
    for (const family of [38, 40, 4, 9, 31]) t.equal(plain('socket', family), errno(38));
  });

  t.test(`${architecture}: root emulation pretends`, async (t) => {
    for (const name of ['fchownat', 'fchown', 'setuid', 'setgroups', 'setresgid', 'capset']) {
      t.equal(emulated(name), errno(0), name);
      t.equal(plain(name), allow, name);
    }
    t.equal(emulated('mknodat', 0, 0, 0x2000 | 0o666), errno(0), 'character devices');
    t.equal(emulated('mknodat', 0, 0, 0x6000 | 0o600), errno(0), 'block devices');
    for (const type of [0x1000, 0x8000, 0xc000, 0]) {
      t.equal(emulated('mknodat', 0, 0, type | 0o644), allow, 'all else is made');
    }
  });

  t.test(`${architecture}: another architecture's calls kill the process`, async (t) => {
    const filter = buildStepFilter(false, table);
    const program = filter === undefined ? undefined : compileBpf(filter, table);
    const data = { number: 0, architecture: 0x40000003, args: [] };
    t.equal(runBpf(program ?? new Uint8Array(), data), killProcess);
  });

  t.test(`${architecture}: the compiled form is what the rules say`, async (t) => {
    const names = [...table.numbers.keys()];
    const answers = fc.oneof(fc.constant('allow' as const), fc.record({ errno: fc.nat(4095) }));
    const tests = fc.array(
      fc.record(
        { index: fc.nat(5), mask: fc.nat(), value: fc.nat(8) },
        { requiredKeys: ['index', 'value'] },
      ),
      { maxLength: 3 },
    );
    const rules = fc.array(
      fc.record(
        { names: fc.subarray(names, { maxLength: 20 }), tests, answer: answers },
        { requiredKeys: ['names', 'answer'] },
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.record({ fallback: answers, rules }),
        fc.constantFrom(...names),
        fc.array(fc.nat(8), { minLength: 6, maxLength: 6 }),
        (filter, name, args) => {
          const program = compileBpf(filter as SeccompFilter, table) ?? new Uint8Array();
          const number = table.numbers.get(name) ?? -1;
          const data = { number, architecture: table.audit, args: args.map(BigInt) };
          return runBpf(program, data) === expected(filter as SeccompFilter, name, args);
        },
      ),
      { numRuns: 300 },
    );
    t.pass();
  });
}

function expected(filter: SeccompFilter, name: string, args: readonly number[]): number {
  const rule = filter.rules.find(
    ({ names, tests = [] }) =>
      names.includes(name) &&
      tests.every(({ index, mask, value }) => {
        const arg = args[index] ?? 0;
        return (mask === undefined ? arg : (arg & mask) >>> 0) === value;
      }),
  );
  const answer = rule?.answer ?? filter.fallback;
  return typeof answer === 'object' ? errno(answer.errno) : allow;
}

t.test('the numbers are those of the kernel headers', async (t) => {
  const header = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h';
  const own = syscallTable('x64')?.numbers ?? new Map<string, number>();
  const found = [...readFileSync(header, 'utf8').matchAll(/#define __NR_(\w+) (\d+)/g)];
  t.ok(found.length > 300);
  for (const [, name = '', number] of found) t.equal(own.get(name), Number(number), name);
});

t.test('the OCI form denies by default and never repeats that', async (t) => {
  const filter = buildStepFilter(true, syscallTable('x64'));
  if (filter === undefined) throw new Error('no filter');
  const oci = ociSeccomp(filter, syscallTable('x64'));
  t.match(oci, {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    architectures: ['SCMP_ARCH_X86_64'],
  });
  const rules = (oci?.syscalls ?? []) as { names: string[]; action: string; errnoRet?: number }[];
  t.notOk(rules.some(({ action, errnoRet }) => action === 'SCMP_ACT_ERRNO' && errnoRet === 38));
  const pretended = rules.filter(({ errnoRet }) => errnoRet === 0).flatMap(({ names }) => names);
  t.ok(['chown', 'setgroups', 'mknod'].every((name) => pretended.includes(name)));
});

t.test('an unknown architecture has no table, and so no filter', async (t) => {
  t.equal(syscallTable('mips'), undefined);
});
