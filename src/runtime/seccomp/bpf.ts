/**
 * Compiles a filter to classic BPF (seccomp(2), linux/bpf_common.h), the form bubblewrap and setpriv take.
 *
 * Numbers with the same decision form intervals, and a balanced tree of comparisons finds the interval:
 * about ten instructions per system call instead of one for each allowed number.
 */

import type { Answer, ArgumentTest, Comparison, FilterRule, SeccompFilter } from './filter.ts';
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
const jumpAbove = 0x25;
const jumpNotBelow = 0x35;
const maskBits = 0x54;
const answerWith = 0x06;

const offsetOfNumber = 0;
const offsetOfArchitecture = 4;
const offsetOfArguments = 16;

const actionErrno = 0x00050000;
const actionKillProcess = 0x80000000;
const actions = {
  allow: 0x7fff0000,
  log: 0x7ffc0000,
  trap: 0x00030000,
  'kill-thread': 0,
  'kill-process': actionKillProcess,
} as const;

/** x86-64 answers to every number a second time, with this bit, for a data model of 32 bits. */
const x32 = { audit: 0xc000003e, bit: 0x40000000 };
const unknownCall: Answer = { errno: 38 };

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
  const foreign = [answer(unknownCall)];
  if (table.audit === x32.audit && !sameCode(foreign, result.at(-1)?.code ?? []))
    result.push({ first: x32.bit, code: foreign });
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

/** Skips `skip` instructions unless the argument passes. */
function compare(test: ArgumentTest, skip: number): readonly Instruction[] {
  const low = offsetOfArguments + 8 * test.index;
  const load = (offset: number, mask: number | undefined): readonly Instruction[] => [
    { code: loadWord, k: offset },
    ...(mask === undefined ? [] : [{ code: maskBits, k: mask }]),
  ];
  const { mask, value } = test;
  const lowWord = load(low, mask === undefined ? undefined : lowHalf(mask));
  if (test.compare === undefined)
    return [...lowWord, { code: jumpEqual, k: value, whenTrue: 0, whenFalse: skip }];
  const highWord = load(low + 4, mask === undefined ? undefined : highHalf(mask));
  return [...highWord, ...compareHalves(test.compare, value, lowWord, skip)];
}

/** Decides by the high half, which is loaded, and where that is equal by the low one. */
function compareHalves(
  comparison: Comparison,
  value: number,
  lowWord: readonly Instruction[],
  skip: number,
): readonly Instruction[] {
  const [high, low] = [highHalf(value), lowHalf(value)];
  const rest = lowWord.length + 1;
  const equal = comparison === 'EQ' || comparison === 'NE';
  if (equal) {
    const holds = comparison === 'EQ';
    return [
      { code: jumpEqual, k: high, whenTrue: 0, whenFalse: holds ? rest + skip : rest },
      ...lowWord,
      { code: jumpEqual, k: low, whenTrue: holds ? 0 : skip, whenFalse: holds ? skip : 0 },
    ];
  }
  // greater, or its opposite: less or equal
  const greater = comparison === 'GT' || comparison === 'GE';
  const above = comparison === 'GT' || comparison === 'LE' ? jumpAbove : jumpNotBelow;
  return [
    { code: jumpAbove, k: high, whenTrue: rest + 1 + (greater ? 0 : skip), whenFalse: 0 },
    { code: jumpEqual, k: high, whenTrue: 0, whenFalse: rest + (greater ? skip : 0) },
    ...lowWord,
    { code: above, k: low, whenTrue: greater ? 0 : skip, whenFalse: greater ? skip : 0 },
  ];
}

function lowHalf(value: number): number {
  return value % 2 ** 32;
}

function highHalf(value: number): number {
  return Math.floor(value / 2 ** 32);
}

function answer(decision: Answer): Instruction {
  const k = typeof decision === 'string' ? actions[decision] : actionErrno | decision.errno;
  return { code: answerWith, k };
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
