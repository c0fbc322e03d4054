/** The flags that an instruction knows, checked against what is written. */

import { nearest } from '../../errors/index.ts';
import { problem, type ReadContext, shown } from '../context.ts';
import type { Statement } from '../lines.ts';
import { type Flag, readFlags, type Word } from '../words.ts';

/** Whether a flag takes a value, is a yes or no, or can be given more than once. */
export type FlagKind = 'value' | 'boolean' | 'list';

/** Flags as checked: unknown and malformed ones were noted and are not here. */
export interface Flags {
  value(name: string): string | undefined;
  list(name: string): readonly Flag[];
  isSet(name: string): boolean;
  /** What follows the flags. */
  readonly rest: Word;
}

const maxFlags = 1000;

/** Reads the flags of an instruction. */
export function parseFlags(
  statement: Statement,
  known: Readonly<Record<string, FlagKind>>,
  context: ReadContext,
): Flags {
  const { flags, rest } = readFlags(statement.rest);
  if (flags.length > maxFlags) problem(context, statement, `has more than ${maxFlags} flags`);
  const good = new Map<string, Flag[]>();
  for (const flag of flags.slice(0, maxFlags)) {
    const before = good.get(flag.name) ?? [];
    const fault = faultOf(flag, known, before.length > 0);
    if (fault === undefined) good.set(flag.name, before);
    else problem(context, statement, fault.message, { ...fault, offset: flag.offset });
    before.push(flag);
  }
  return {
    value: (name) => good.get(name)?.[0]?.value,
    list: (name) => good.get(name) ?? [],
    isSet: (name) => {
      const flag = good.get(name)?.[0];
      return flag !== undefined && flag.value?.toLowerCase() !== 'false';
    },
    rest,
  };
}

function faultOf(
  { name, value }: Flag,
  known: Readonly<Record<string, FlagKind>>,
  isRepeated: boolean,
): { message: string; suggestion?: string } | undefined {
  const kind = Object.hasOwn(known, name) ? known[name] : undefined;
  if (kind === undefined) {
    const guess = nearest(name, Object.keys(known));
    return {
      message: `unknown flag ${shown(`--${name}`)}`,
      ...(guess === undefined ? {} : { suggestion: `did you mean --${guess}?` }),
    };
  }
  if (isRepeated && kind !== 'list') return { message: `--${name} is given twice` };
  if (kind === 'boolean') {
    const isBoolean = value === undefined || /^(?:true|false)$/i.test(value);
    return isBoolean ? undefined : { message: `--${name} is true or false, not ${shown(value)}` };
  }
  return value === undefined || value === ''
    ? { message: `--${name} has no value`, suggestion: `write --${name}=value` }
    : undefined;
}
