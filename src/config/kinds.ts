/**
 * The kinds of value that a setting can have. Each reads itself from text (environment, flags) and from JSON
 * (config file); undefined means that the value is not of that kind.
 */

import { isAbsolute, join, resolve } from 'node:path';
import type { Json } from '../model/index.ts';

/** Against what relative paths are resolved. */
export interface PathBase {
  /** Directory of the config file, or the working directory. */
  readonly directory: string;
  /** The user's home directory, for paths that begin with `~/`. */
  readonly userHome: string | undefined;
}

/** Reads values of one kind. */
export interface Kind<T> {
  /** Completes the sentence "must be ..." in messages. */
  readonly expects: string;
  fromText(text: string, base: PathBase): T | undefined;
  fromJson(json: Json, base: PathBase): T | undefined;
}

/** Text of at least one character, without NUL. */
export const text: Kind<string> = {
  expects: 'a text that is not empty',
  fromText: (value) => (isText(value) ? value : undefined),
  fromJson: (value) => (isText(value) ? value : undefined),
};

/** A path, made absolute. */
export const path: Kind<string> = {
  expects: 'a path',
  fromText: resolvePath,
  fromJson: (value, base) => (typeof value === 'string' ? resolvePath(value, base) : undefined),
};

/** Yes or no; `1`, `true`, `yes`, `on` and their opposites in text. */
export const flag: Kind<boolean> = {
  expects: 'true or false',
  fromText: (value) => flagWords[value.toLowerCase()],
  fromJson: (value) => (typeof value === 'boolean' ? value : undefined),
};

/** A list of texts; separated by commas in text. */
export const textList: Kind<readonly string[]> = {
  expects: 'a list of texts',
  fromText: (value) => listOf(value === '' ? [] : value.split(',').map((part) => part.trim())),
  fromJson: (value) => (Array.isArray(value) ? listOf(value) : undefined),
};

/** One of a closed list of words. */
export function choice<const T extends string>(choices: readonly T[]): Kind<T> {
  const find = (value: Json) => choices.find((one) => one === value);
  return { expects: `one of ${choices.join(', ')}`, fromText: find, fromJson: find };
}

/** A whole number within bounds. */
export function integer(min: number, max: number): Kind<number> {
  const within = (value: Json) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? value
      : undefined;
  return {
    expects: `a whole number from ${min} to ${max}`,
    fromText: (value) => (/^\d{1,15}$/.test(value) ? within(Number(value)) : undefined),
    fromJson: within,
  };
}

const flagWords: Readonly<Record<string, boolean>> = Object.assign(Object.create(null), {
  1: true,
  true: true,
  yes: true,
  on: true,
  0: false,
  false: false,
  no: false,
  off: false,
});

function isText(value: Json): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}

function listOf(values: readonly Json[]): readonly string[] | undefined {
  return values.every(isText) ? values : undefined;
}

function resolvePath(value: string, { directory, userHome }: PathBase): string | undefined {
  if (!isText(value)) return undefined;
  if (isAbsolute(value)) return value;
  if (!value.startsWith('~/')) return resolve(directory, value);
  return userHome === undefined ? undefined : join(userHome, value.slice(2));
}
