/**
 * `.s2ifile`: the last build's arguments, for `--use-config`. Unlike source-to-image's it holds no secrets: credentials
 * in addresses and variables that look like secrets are left out, and their names are kept instead.
 */

import { BuildError } from '../errors/index.ts';
import { isJsonObject, parseJsonObject } from '../model/index.ts';
import { variableName } from './environment.ts';

/** The file's name in the current directory, and the one it had before. */
export const savedBuildNames = ['.s2ifile', '.stifile'] as const;

/** The mode to write it with. */
export const savedBuildMode = 0o600;

/** What a build was started with. */
export interface SavedBuild {
  readonly source: string;
  readonly builderImage: string;
  readonly tag: string;
  /** Values of flags by name, without dashes; repeated flags have several. */
  readonly flags: Readonly<Record<string, readonly string[]>>;
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** Names of variables and flags that were left out when the file was written. */
  readonly omitted: readonly string[];
}

const secretName =
  /pass(?:wd|word|phrase)?|secret|token|api_?key|private|credential|creds|auth|signature|cookie|session/i;
const secretValue = /^(?:gh[opsur]_|github_pat_|glpat-|npm_|xox[abpr]-|AKIA|eyJ|-----BEGIN )/;

/**
 * Writes the file's text. Credentials in addresses are dropped; variables and flags that look like secrets are named in
 * `omitted`, which is also returned.
 */
export function formatSavedBuild(build: SavedBuild): { text: string; omitted: readonly string[] } {
  const keptEnv = build.env.filter((entry) => !isSecret(variableName(entry), variableValue(entry)));
  const flags = Object.entries(build.flags).filter(([name]) => !secretName.test(name));
  const omitted = [
    ...build.env
      .map(variableName)
      .filter((name) => !keptEnv.some((entry) => variableName(entry) === name)),
    ...Object.keys(build.flags)
      .filter((name) => secretName.test(name))
      .map((name) => `--${name}`),
  ];
  const document = {
    source: withoutCredentials(build.source),
    builderImage: build.builderImage,
    tag: build.tag,
    flags: Object.fromEntries([
      ...flags.map(([name, values]) => [name, single(values.map(withoutCredentials))]),
      ...keptEnv.map((entry, index) => [`env-${index}`, entry]),
    ]),
    ...(omitted.length === 0 ? {} : { omitted }),
  };
  return { text: `${JSON.stringify(document, undefined, 2)}\n`, omitted };
}

/**
 * Reads the file's text, also one that source-to-image wrote.
 *
 * @throws BuildError `CONFIG_INVALID`
 */
export function parseSavedBuild(text: string, name: string): SavedBuild {
  const document = parseJsonObject(text, name, 'CONFIG_INVALID');
  const textOf = (key: string): string => {
    const value = document[key] ?? '';
    if (typeof value !== 'string') throw invalid(name, `"${key}" is not text`);
    return value;
  };
  const flags = document['flags'] ?? {};
  if (!isJsonObject(flags)) throw invalid(name, '"flags" is not an object');
  const entries = Object.entries(flags).map(
    ([flag, value]) => [flag, valuesOf(value, flag, name)] as const,
  );
  const isVariable = ([flag]: readonly [string, readonly string[]]): boolean =>
    /^env-\d+$/.test(flag);
  return {
    source: textOf('source'),
    builderImage: textOf('builderImage'),
    tag: textOf('tag'),
    flags: Object.fromEntries(entries.filter((entry) => !isVariable(entry))),
    env: entries
      .filter(isVariable)
      .toSorted(byNumber)
      .flatMap(([, values]) => values),
    omitted: valuesOf(document['omitted'] ?? [], 'omitted', name),
  };
}

type Entry = readonly [string, readonly string[]];

function byNumber(a: Entry, b: Entry): number {
  return Number(a[0].slice(4)) - Number(b[0].slice(4));
}

function valuesOf(value: unknown, what: string, name: string): readonly string[] {
  const values = Array.isArray(value) ? value : [value];
  if (values.every((item) => typeof item === 'string')) return values;
  throw invalid(name, `"${what}" is not text`);
}

function single(values: readonly string[]): string | readonly string[] {
  const [only] = values;
  return values.length === 1 && only !== undefined ? only : values;
}

function variableValue(entry: string): string {
  return entry.slice(variableName(entry).length + 1);
}

function isSecret(name: string, value: string): boolean {
  return secretName.test(name) || secretValue.test(value) || withoutCredentials(value) !== value;
}

/** An ssh user name is part of an address; everything else in front of the `@` of a URL is a credential. */
function withoutCredentials(text: string): string {
  return text.replace(
    /([a-z][a-z0-9+.-]*:\/\/)([^\s/@]*)@/gi,
    (whole, scheme: string, user: string) =>
      /^ssh:/i.test(scheme) && !user.includes(':') ? whole : scheme,
  );
}

function invalid(name: string, why: string): BuildError {
  return new BuildError('CONFIG_INVALID', `${name} cannot be used: ${why}`, {
    suggestion: 'delete it, or build without --use-config',
  });
}
