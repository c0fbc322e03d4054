/**
 * Compiles a filter to classic BPF (seccomp(2), linux/bpf_common.h), the form bubblewrap and setpriv take.
 *
 * Numbers with the same decision form intervals, and a balanced tree of comparisons finds the interval:
 * about ten instructions per system call instead of one for each allowed number.
 */

import type { Answer, ArgumentTest, FilterRule, SeccompFilter } from './filter.ts';
import { type SyscallTable, syscallTable } from './syscalls.ts';

interface Instruction {
  readonly code: number;
  readonly k: number;
  readonly whenTrue?: number;
  readonly whenFalse?: number;
}

/** System calls from `first` up to the next interval get the same treatment. */
interface Interval {
  readonly first: number;
  readonly code: readonly Instruction[];
}

const loadWord = 0x20;
const jumpAlways = 0x05;
const jumpEqual = 0x15;
const jumpNotBelow = 0x35;
const maskBits = 0x54;
const answerWith = 0x06;

const offsetOfNumber = 0;
const offsetOfArchitecture = 4;
const offsetOfArguments = 16;

const actionAllow = 0x7fff0000;
const actionErrno = 0x00050000;
const actionKillProcess = 0x80000000;

/** Compiles a filter for this machine's architecture; undefined where its calls are unknown. */
export function compileBpf(
  filter: SeccompFilter,
  table: SyscallTable | undefined = syscallTable(),
): Uint8Array | undefined {
  if (table === undefined) return undefined;
  const program: readonly Instruction[] = [
    { code: loadWord, k: offsetOfArchitecture },
    { code: jumpEqual, k: table.audit, whenTrue: 1, whenFalse: 0 },
    { code: answerWith, k: actionKillProcess },
    { code: loadWord, k: offsetOfNumber },
    ...search(intervals(filter, table)),
  ];
  return encode(program);
}

/** One interval per run of equally treated numbers; numbers beyond the table get the fallback. */
function intervals(filter: SeccompFilter, table: SyscallTable): readonly Interval[] {
  const rulesOf = Map.groupBy(
    filter.rules.flatMap((rule) => rule.names.map((name) => ({ name, rule }))),
    ({ name }) => name,
  );
  const fallback = [answer(filter.fallback)];
  const nameOf = new Map([...table.numbers].map(([name, number]) => [number, name]));
  const last = Math.max(...nameOf.keys());
  const result: Interval[] = [{ first: 0, code: fallback }];
  for (let number = 0; number <= last + 1; number++) {
    const rules = rulesOf.get(nameOf.get(number) ?? '')?.map(({ rule }) => rule) ?? [];
    const code = rules.length === 0 ? fallback : decide(rules, filter.fallback);
    if (!sameCode(code, result.at(-1)?.code ?? [])) result.push({ first: number, code });
  }
  return result;
}

function sameCode(one: readonly Instruction[], other: readonly Instruction[]): boolean {
  return one.length === 1 && other.length === 1 && one[0]?.k === other[0]?.k;
}

/** Compares the number with the middle interval's first until one interval is left. */
function search(list: readonly Interval[]): readonly Instruction[] {
  if (list.length === 1) return list[0]?.code ?? [];
  const middle = list.length >> 1;
  const below = search(list.slice(0, middle));
  const above = search(list.slice(middle));
  return [
    { code: jumpNotBelow, k: list[middle]?.first ?? 0, whenTrue: 0, whenFalse: 1 },
    { code: jumpAlways, k: below.length },
    ...below,
    ...above,
  ];
}

/** Tries the rules of one system call in order. */
function decide(rules: readonly FilterRule[], fallback: Answer): readonly Instruction[] {
  const code = rules.flatMap(({ tests = [], answer: decision }) =>
    guarded(tests, [answer(decision)]),
  );
  return rules.some((rule) => rule.tests === undefined) ? code : [...code, answer(fallback)];
}

/** Puts tests in front of code that runs when all of them pass. */
function guarded(
  [test, ...rest]: readonly ArgumentTest[],
  code: readonly Instruction[],
): readonly Instruction[] {
  if (test === undefined) return code;
  const inner = guarded(rest, code);
  return [...compare(test, inner.length), ...inner];
}

/** Skips `skip` instructions unless the argument's low 32 bits pass; the kernel takes these arguments as int. */
function compare(test: ArgumentTest, skip: number): readonly Instruction[] {
  return [
    { code: loadWord, k: offsetOfArguments + 8 * test.index },
    ...(test.mask === undefined ? [] : [{ code: maskBits, k: test.mask }]),
    { code: jumpEqual, k: test.value, whenTrue: 0, whenFalse: skip },
  ];
}

function answer(decision: Answer): Instruction {
  return {
    code: answerWith,
    k: decision === 'allow' ? actionAllow : actionErrno | decision.errno,
  };
}

/** struct sock_filter is u16 code, u8 jt, u8 jf, u32 k, in the byte order of the (little endian) machine. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, k, whenTrue = 0, whenFalse = 0 }] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(whenTrue, index * 8 + 2);
    bytes.writeUInt8(whenFalse, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return bytes;
}
