/**
 * Lists of `NAME=value`: merging them, and the environment that scripts get.
 *
 * Names are unique in every list made here; a later value replaces an earlier one in its place.
 */

import type { ExecutionConfig } from '../model/index.ts';

/** The search path where neither the image nor the user says one. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The name of a `NAME=value` entry. */
export function variableName(entry: string): string {
  const equals = entry.indexOf('=');
  return equals === -1 ? entry : entry.slice(0, equals);
}

/** The value of a variable; the last of several counts. */
export function environmentValue(env: readonly string[], name: string): string | undefined {
  const entry = env.findLast((candidate) => candidate.startsWith(`${name}=`));
  return entry?.slice(name.length + 1);
}

/** Merges lists, weakest first. */
export function mergeEnvironment(...lists: readonly (readonly string[])[]): readonly string[] {
  const merged = new Map<string, string>();
  for (const entry of lists.flat()) merged.set(variableName(entry), entry);
  return [...merged.values()];
}

/**
 * The environment of the application image: what the build was given first, then what of the builder's own it
 * does not replace.
 */
export function imageEnvironment(
  builder: readonly string[],
  given: readonly string[],
): readonly string[] {
  const own = mergeEnvironment(given);
  const names = new Set(own.map(variableName));
  return [...own, ...mergeEnvironment(builder).filter((entry) => !names.has(variableName(entry)))];
}

/** What a script's environment is made of. */
export interface ScriptEnvironmentInput {
  readonly execution: Pick<ExecutionConfig, 'env'>;
  /** Variables of the build that stay in the image. */
  readonly given: readonly string[];
  /** Variables for the build alone; strongest. */
  readonly buildOnly?: readonly string[];
  /** The home directory of the script's user in the image's passwd file. */
  readonly home?: string;
}

/** The environment of a script: the image's, then the build's. `HOME` and `PATH` are filled in when both lack them. */
export function scriptEnvironment(input: ScriptEnvironmentInput): readonly string[] {
  const defaults = [`PATH=${defaultPath}`, `HOME=${input.home ?? '/'}`];
  return mergeEnvironment(defaults, input.execution.env, input.given, input.buildOnly ?? []);
}
