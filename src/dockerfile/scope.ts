/**
 * The variables of a stage at one moment: what ENV and the base image set, and what ARG declared. ENV wins, whichever
 * came last.
 */

import { formatPlatform, type Platform } from '../model/index.ts';
import { type ExpandOptions, expandWord } from './expand.ts';
import type { ArgInstruction, Pair } from './types.ts';

/** The variables that texts of a stage are expanded with; plain data. */
export interface Scope {
  readonly escapeCharacter: string;
  readonly env: ReadonlyMap<string, string>;
  /** Declared arguments that have a value. */
  readonly args: ReadonlyMap<string, string>;
}

/** What the user and the top of the file give to every stage. */
export interface Arguments {
  /** `--build-arg`. */
  readonly given: ReadonlyMap<string, string>;
  /** ARG in front of the first FROM, and the platforms. */
  readonly global: ReadonlyMap<string, string>;
}

/** Arguments that every RUN sees without an ARG when they are given; no part of history and cache keys. */
export const proxyArguments: readonly string[] = ['http', 'https', 'ftp', 'no', 'all'].flatMap(
  (scheme) => [`${scheme.toUpperCase()}_PROXY`, `${scheme}_proxy`],
);

/** Returns the options for `expand.ts`. */
export function lookupIn({ escapeCharacter, env, args }: Scope): ExpandOptions {
  return { escapeCharacter, lookup: (name) => env.get(name) ?? args.get(name) };
}

/** The arguments about platforms that Dockerfiles can use. */
export function platformArguments(
  target: Platform,
  build: Platform,
  stage: string | undefined,
): ReadonlyMap<string, string> {
  const of = (prefix: string, platform: Platform): [string, string][] => [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
  return new Map([
    ...of('BUILD', build),
    ...of('TARGET', target),
    ['TARGETSTAGE', stage ?? 'default'],
  ]);
}

/** Begins a stage with the variables of its base, `NAME=value` each. */
export function beginScope(escapeCharacter: string, env: readonly string[]): Scope {
  const pairs = env.map((entry): [string, string] => {
    const equals = entry.indexOf('=');
    return equals === -1 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
  });
  return { escapeCharacter, env: new Map(pairs), args: new Map() };
}

/** Returns the scope behind an ENV whose texts are resolved. */
export function withEnvironment(scope: Scope, pairs: readonly Pair[]): Scope {
  return {
    ...scope,
    env: new Map([
      ...scope.env,
      ...pairs.map(({ name, value }): [string, string] => [name, value]),
    ]),
  };
}

/**
 * Returns the scope behind an ARG: `--build-arg` wins over the default, which wins over the top of the file. Each
 * default sees the declarations in front of it.
 *
 * @throws ExpansionFault
 */
export function withArguments(
  scope: Scope,
  { declarations }: Pick<ArgInstruction, 'declarations'>,
  { given, global }: Arguments,
): Scope {
  const args = new Map(scope.args);
  const options = lookupIn({ ...scope, args });
  for (const { name, value } of declarations) {
    const resolved =
      given.get(name) ?? (value === undefined ? global.get(name) : expandWord(value, options));
    if (resolved !== undefined) args.set(name, resolved);
  }
  return { ...scope, args };
}

/** What a RUN sees: the environment, declared arguments, and proxies when they were given. */
export function runVariables(scope: Scope, { given }: Arguments): ReadonlyMap<string, string> {
  const proxies = proxyArguments.flatMap((name): [string, string][] => {
    const value = given.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return new Map([...proxies, ...scope.args, ...scope.env]);
}
