/** Profiles of docker and of the OCI runtime spec: what they answer here, and what is wrong with those that are refused. */

import t from 'tap';
import { compileBpf } from '../../../src/runtime/seccomp/bpf.ts';
import { ociSeccomp } from '../../../src/runtime/seccomp/oci.ts';
import { readSeccompProfile } from '../../../src/runtime/seccomp/read-profile.ts';
import { syscallTable } from '../../../src/runtime/seccomp/syscalls.ts';
import { runBpf } from './bpf-machine.ts';

const table = syscallTable('x64');
const here = { capabilities: ['CAP_CHOWN'], architecture: 'x64', kernel: '6.1.0-9-amd64' };
const allow = 0x7fff0000;
const errno = (number: number) => 0x00050000 | number;

/** Answers calls as the kernel would under a profile. */
function under(profile: object, conditions = here) {
  const filter = readSeccompProfile(JSON.stringify(profile), 'p.json', conditions);
  const program = compileBpf(filter, table);
  if (program === undefined || table === undefined) throw new Error('no program');
  return (name: string, ...args: readonly (number | bigint)[]) => {
    const number = table.numbers.get(name) ?? -1;
    return runBpf(program, { number, architecture: table.audit, args: args.map(BigInt) });
  };
}

const deny = (names: readonly string[], more: object = {}) => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names, action: 'SCMP_ACT_ERRNO', ...more }],
});

t.test('actions and their errno', async (t) => {
  const ask = under({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    syscalls: [
      { names: ['read', 'a_call_of_the_future'], action: 'SCMP_ACT_ALLOW' },
      { names: ['mkdir'], action: 'SCMP_ACT_ERRNO' },
      { name: 'rmdir', action: 'SCMP_ACT_ERRNO', errnoRet: 30 },
      { names: ['ptrace'], action: 'SCMP_ACT_KILL_PROCESS' },
      { names: ['bpf'], action: 'SCMP_ACT_KILL' },
      { names: ['mount'], action: 'SCMP_ACT_TRAP' },
      { names: ['umask'], action: 'SCMP_ACT_LOG' },
    ],
  });
  t.equal(ask('read'), allow);
  t.equal(ask('mkdir'), errno(1));
  t.equal(ask('rmdir'), errno(30));
  t.equal(ask('ptrace'), 0x80000000);
  t.equal(ask('bpf'), 0);
  t.equal(ask('mount'), 0x00030000);
  t.equal(ask('umask'), 0x7ffc0000);
  t.equal(ask('write'), errno(38));
});

t.test('what is denied is not open by the second door of x86-64', async (t) => {
  const filter = readSeccompProfile(JSON.stringify(deny(['mkdir'])), 'p.json', here);
  const program = compileBpf(filter, table) ?? new Uint8Array();
  const call = { number: 0x40000000 + 83, architecture: table?.audit ?? 0, args: [] };
  t.equal(runBpf(program, call), errno(38));
});

t.test('every comparison, over 64 bits', async (t) => {
  const big = 2 ** 40 + 5;
  const values = [0, 4, 5, 6, 2 ** 32, 2 ** 40, big - 1, big, big + 1, 2 ** 41 + 4];
  const holds: Readonly<Record<string, (a: number, b: number) => boolean>> = {
    NE: (a, b) => a !== b,
    LT: (a, b) => a < b,
    LE: (a, b) => a <= b,
    EQ: (a, b) => a === b,
    GE: (a, b) => a >= b,
    GT: (a, b) => a > b,
  };
  for (const [name, test] of Object.entries(holds))
    for (const value of [0, 5, big]) {
      const ask = under(deny(['dup'], { args: [{ index: 1, value, op: `SCMP_CMP_${name}` }] }));
      for (const given of values)
        t.equal(
          ask('dup', 0, given),
          test(given, value) ? errno(1) : allow,
          `${given} ${name} ${value}`,
        );
    }
  const masked = {
    index: 0,
    value: 0xf00000000f,
    valueTwo: 0x1000000003,
    op: 'SCMP_CMP_MASKED_EQ',
  };
  const ask = under(deny(['dup'], { args: [masked] }));
  t.equal(ask('dup', 0x10000000f3), errno(1));
  t.equal(ask('dup', 0xf3), allow);
});

t.test('tests of several arguments must all hold, of one are alternatives', async (t) => {
  const is = (index: number, value: number) => ({ index, value, op: 'SCMP_CMP_EQ' });
  const all = under(deny(['dup'], { args: [is(0, 1), is(1, 2)] }));
  t.equal(all('dup', 1, 2), errno(1));
  t.equal(all('dup', 1, 3), allow);
  const either = under(deny(['dup'], { args: [is(0, 1), is(0, 2)] }));
  t.equal(either('dup', 2), errno(1));
  t.equal(either('dup', 3), allow);
});

t.test('conditions are decided by capabilities, processor and kernel', async (t) => {
  for (const [condition, applies] of [
    [{ includes: { caps: ['CAP_CHOWN'] } }, true],
    [{ includes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } }, false],
    [{ excludes: { caps: ['CAP_SYS_ADMIN'] } }, true],
    [{ excludes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } }, false],
    [{ includes: { arches: ['amd64', 'x32'] } }, true],
    [{ includes: { arches: ['s390x'] } }, false],
    [{ excludes: { arches: ['amd64'] } }, false],
    [{ includes: { minKernel: '4.8' } }, true],
    [{ includes: { minKernel: '6.2' } }, false],
    [{ includes: { minKernel: '10.0' } }, false],
    [{ excludes: { minKernel: '6.1' } }, false],
    [{ includes: {}, excludes: {} }, true],
  ] as const) {
    const ask = under(deny(['mkdir'], condition));
    t.equal(ask('mkdir'), applies ? errno(1) : allow, JSON.stringify(condition));
  }
});

t.test('the form for runc and crun says the same', async (t) => {
  const args = [{ index: 0, value: 40, op: 'SCMP_CMP_NE' }];
  const text = JSON.stringify(deny(['socket'], { args, errnoRet: 97 }));
  t.match(ociSeccomp(readSeccompProfile(text, 'p.json', here), table), {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [{ names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 97, args }],
  });
});

t.test('what is wrong is said with its place', async (t) => {
  const rule = (more: object) => JSON.stringify(deny(['mkdir'], more));
  for (const [text, message] of [
    [
      '{"defaultAction":\n  [1, }',
      /p\.json is not acceptable JSON at line 2, column 7: it ends too early/,
    ],
    ['[]', /p\.json is not a JSON object/],
    ['{}', /p\.json: defaultAction: undefined is not possible here, only SCMP_ACT_ALLOW/],
    ['{"defaultAction": "SCMP_ACT_NOTIFY"}', /defaultAction: "SCMP_ACT_NOTIFY" is not possible/],
    ['{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}}', /syscalls: this is no list/],
    [rule({ names: [] }), /syscalls\[0\]\.names: no system call is named/],
    [rule({ names: [1] }), /syscalls\[0\]\.names\[0\]: this is no text/],
    [rule({ action: 'SCMP_ACT_TRACE' }), /syscalls\[0\]\.action: "SCMP_ACT_TRACE" is not/],
    [rule({ errnoRet: 5000 }), /syscalls\[0\]\.action, errno: this is no number from 0 to 4095/],
    [rule({ args: [{ index: 6, op: 'SCMP_CMP_EQ' }] }), /args\[0\]\.index: .* from 0 to 5/],
    [rule({ args: [{ index: 0, op: 'toString' }] }), /args\[0\]\.op: "toString" is none of/],
    [rule({ args: [{ index: 0, value: -1, op: 'SCMP_CMP_EQ' }] }), /args\[0\]\.value/],
    [rule({ includes: { minKernel: 'six' } }), /includes\.minKernel: this is no version/],
    [rule({ excludes: [] }), /syscalls\[0\]\.excludes: this is no object/],
    [
      '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_S390X"]}',
      /architectures: SCMP_ARCH_X86_64 is not among them/,
    ],
  ] as const)
    t.throws(() => readSeccompProfile(text, 'p.json', here), { code: 'USAGE_INVALID', message });
});
