/** Names of caches as users give them: a reference, or the fields that BuildKit takes. */

import { BuildError } from '../errors/index.ts';

/** Which results a cache is given: those whose layers are in the image, or those of every stage. */
export type CacheMode = 'min' | 'max';

/** A cache that is written. */
export interface CacheExport {
  /** Reference or transport. */
  readonly name: string;
  readonly mode: CacheMode;
}

/**
 * Reads where results come from: `REF` or `type=registry,ref=REF`.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function parseCacheImport(text: string): string {
  return parsePlace('--cache-from', text, ['type', 'ref']).name;
}

/**
 * Reads where results go: `REF[,mode=min|max]` or `type=registry,ref=REF[,mode=min|max]`. All results when nothing is said.
 *
 * @throws BuildError `USAGE_INVALID`
 */
export function parseCacheExport(text: string): CacheExport {
  const { name, mode = 'max' } = parsePlace('--cache-to', text, ['type', 'ref', 'mode']);
  if (mode === 'min' || mode === 'max') return { name, mode };
  throw refused('--cache-to', text, `mode is min or max, not ${JSON.stringify(mode)}`);
}

function parsePlace(option: string, text: string, known: readonly string[]) {
  const [first = '', ...rest] = text.split(',');
  const written = /^(?:type|ref)=/.test(first) ? [first, ...rest] : [`ref=${first}`, ...rest];
  const fields = new Map(written.map(splitField));
  const strange = [...fields.keys()].find((key) => !known.includes(key));
  if (strange !== undefined)
    throw refused(option, text, `there is no field ${JSON.stringify(strange)}`);
  const { type = 'registry', ref: name = '', mode } = Object.fromEntries(fields);
  if (type !== 'registry')
    throw refused(option, text, `there is no cache of type ${JSON.stringify(type)}`);
  if (name === '') throw refused(option, text, 'it names no cache');
  return { name, ...(mode === undefined ? {} : { mode }) };
}

function splitField(field: string): readonly [string, string] {
  const at = field.indexOf('=');
  return at === -1 ? [field, ''] : [field.slice(0, at), field.slice(at + 1)];
}

function refused(option: string, text: string, why: string): BuildError {
  return new BuildError('USAGE_INVALID', `${option} ${JSON.stringify(text)}: ${why}`, {
    suggestion: `name a cache, such as ${option} registry.example.com/apps/cache`,
  });
}
