/** HEALTHCHECK: NONE, or a command with times. */

import { problem, type ReadContext, shown, writtenOf } from '../context.ts';
import type { Statement } from '../lines.ts';
import type { HealthcheckInstruction } from '../types.ts';
import type { Word } from '../words.ts';
import { parseCommand } from './command.ts';
import { type Flags, parseFlags } from './flags.ts';

const known = {
  interval: 'value',
  timeout: 'value',
  'start-period': 'value',
  'start-interval': 'value',
  retries: 'value',
} as const;

const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Reads HEALTHCHECK. */
export function parseHealthcheck(
  statement: Statement,
  context: ReadContext,
): HealthcheckInstruction | undefined {
  const flags = parseFlags(statement, known, context);
  const { keyword, command } = splitType(flags.rest);
  if (keyword === 'NONE' && command.text !== '')
    return problem(context, statement, 'NONE takes no arguments');
  if (keyword !== 'NONE' && keyword !== 'CMD')
    return problem(context, statement, `${shown(keyword)} is neither CMD nor NONE`, {
      suggestion: 'write HEALTHCHECK CMD command, or HEALTHCHECK NONE',
    });
  if (keyword === 'CMD' && command.text === '')
    return problem(context, statement, 'CMD has no command');
  const time = (name: string): number => timeOf(name, flags, statement, context);
  return {
    kind: 'healthcheck',
    ...writtenOf(statement),
    ...(keyword === 'NONE' ? {} : { command: parseCommand(command, statement, context) }),
    interval: time('interval'),
    timeout: time('timeout'),
    startPeriod: time('start-period'),
    startInterval: time('start-interval'),
    retries: retriesOf(flags, statement, context),
  };
}

function splitType({ text, offset }: Word): { keyword: string; command: Word } {
  const keyword = /^\S*/.exec(text)?.[0] ?? '';
  const command = text.slice(keyword.length);
  const space = command.length - command.trimStart().length;
  return {
    keyword: keyword.toUpperCase(),
    command: { text: command.slice(space), offset: offset + keyword.length + space },
  };
}

function timeOf(name: string, flags: Flags, statement: Statement, context: ReadContext): number {
  const text = flags.value(name);
  if (text === undefined) return 0;
  const time = parseDuration(text);
  if (time !== undefined && (time === 0 || time >= 1e6)) return time;
  problem(
    context,
    statement,
    time === undefined
      ? `--${name}: ${shown(text)} is no duration`
      : `--${name} is shorter than a millisecond`,
    { suggestion: 'write a duration such as 30s or 1m30s' },
  );
  return 0;
}

/** Reads a duration as Go writes it; undefined for anything else, and for more than a hundred days. */
function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!/^(?:[0-9]{1,9}(?:\.[0-9]{0,9})?(?:ns|us|µs|μs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number = '', unit = ''] of text.matchAll(/([0-9.]+)([a-zµμ]+)/g))
    sum += Number(number) * (nanoseconds[unit] ?? 0);
  return sum <= Number.MAX_SAFE_INTEGER ? Math.round(sum) : undefined;
}

function retriesOf(flags: Flags, statement: Statement, context: ReadContext): number {
  const text = flags.value('retries');
  if (text === undefined) return 0;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  problem(context, statement, `--retries: ${shown(text)} is no number of tries`);
  return 0;
}
