/** Options of the form `key=value,key=value`, as `--secret`, `--cache` and `--mount` have them. */

import { BuildError } from '../../errors/index.ts';

/** The fields of one option. */
export type Fields<K extends string> = { readonly [P in K]?: string };

/**
 * Splits an option into its fields.
 *
 * @param aliases other names of fields
 * @throws BuildError `USAGE_INVALID` for a field that is not known or comes twice
 */
export function parseFields<K extends string>(
  option: string,
  text: string,
  keys: readonly K[],
  aliases: Readonly<Record<string, K>> = {},
): Fields<K> {
  const fields: { [P in K]?: string } = {};
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const name = equals < 0 ? part : part.slice(0, equals);
    const key = Object.hasOwn(aliases, name) ? aliases[name] : keys.find((one) => one === name);
    if (key === undefined) throw refused(option, text, `it has no field ${JSON.stringify(name)}`);
    if (Object.hasOwn(fields, key)) throw refused(option, text, `${key} comes twice`);
    fields[key] = equals < 0 ? '' : part.slice(equals + 1);
  }
  return fields;
}

/** An error about an option. */
export function refused(option: string, text: string, why: string): BuildError {
  return new BuildError('USAGE_INVALID', `${option} ${JSON.stringify(text)}: ${why}`);
}

/** Ids become names of files, so they are plain words. */
export function parseId(option: string, text: string, id: string | undefined): string {
  if (id !== undefined && /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(id)) return id;
  throw refused(option, text, 'its id must be a word of letters, digits, "_", "-" and "."');
}

/** An absolute path of the container without detours. */
export function parseTarget(option: string, text: string, target: string): string {
  const plain = target.startsWith('/') && target.length > 1 && !target.includes('\0');
  if (plain && !target.split('/').some((part) => part === '..' || part === '.')) return target;
  throw refused(option, text, 'its target must be an absolute path');
}

/** Who a mounted file belongs to, as far as an option says. */
export interface GivenOwnership {
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
}

/** The keys that {@link parseOwnership} reads. */
export const ownershipKeys = ['uid', 'gid', 'mode'] as const;

const maxId = 2 ** 31 - 2;

/** Reads owner and mode; ids are decimal, modes octal. */
export function parseOwnership(
  option: string,
  text: string,
  fields: Fields<(typeof ownershipKeys)[number]>,
): GivenOwnership {
  const number = (key: (typeof ownershipKeys)[number], radix: number, max: number) => {
    const value = fields[key];
    if (value === undefined) return {};
    const digits = radix === 8 ? /^[0-7]{1,5}$/ : /^\d{1,10}$/;
    const parsed = digits.test(value) ? Number.parseInt(value, radix) : Number.NaN;
    if (parsed <= max) return { [key]: parsed };
    throw refused(option, text, `${key} is not a number it can be`);
  };
  return { ...number('uid', 10, maxId), ...number('gid', 10, maxId), ...number('mode', 8, 0o777) };
}
