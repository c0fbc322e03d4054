/** Renders a filter in the form of the OCI runtime spec (config-linux.md, "Seccomp"). */

import type { Answer, ArgumentTest, FilterRule, SeccompFilter } from './filter.ts';
import { type SyscallTable, syscallTable } from './syscalls.ts';

/** The `linux.seccomp` object of a bundle's config. */
export interface OciSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly object[];
}

/** Renders a filter for this machine's architecture; undefined where its calls are unknown. */
export function ociSeccomp(
  filter: SeccompFilter,
  table: SyscallTable | undefined = syscallTable(),
): OciSeccomp | undefined {
  if (table === undefined) return undefined;
  const { action, errnoRet } = answerOf(filter.fallback);
  return {
    defaultAction: action,
    ...(errnoRet === undefined ? {} : { defaultErrnoRet: errnoRet }),
    architectures: [table.oci],
    // a rule that repeats the default is refused by some runtimes
    syscalls: filter.rules
      .filter((rule) => !isSame(rule.answer, filter.fallback))
      .map((rule) => renderRule(rule, table))
      .filter((rule) => rule.names.length > 0),
  };
}

function renderRule(rule: FilterRule, table: SyscallTable) {
  return {
    names: rule.names.filter((name) => table.numbers.has(name)),
    ...answerOf(rule.answer),
    ...(rule.tests === undefined ? {} : { args: rule.tests.map(renderTest) }),
  };
}

function renderTest(test: ArgumentTest): object {
  const { index, mask, value, compare = 'EQ' } = test;
  return mask === undefined
    ? { index, value, op: `SCMP_CMP_${compare}` }
    : { index, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' };
}

const actions = {
  allow: 'SCMP_ACT_ALLOW',
  log: 'SCMP_ACT_LOG',
  trap: 'SCMP_ACT_TRAP',
  'kill-thread': 'SCMP_ACT_KILL',
  'kill-process': 'SCMP_ACT_KILL_PROCESS',
} as const;

function answerOf(answer: Answer): { action: string; errnoRet?: number } {
  return typeof answer === 'string'
    ? { action: actions[answer] }
    : { action: 'SCMP_ACT_ERRNO', errnoRet: answer.errno };
}

function isSame(one: Answer, other: Answer): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  return one.errno === other.errno;
}
