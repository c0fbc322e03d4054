/**
 * Reading `registries.conf` in its second version (containers-registries.conf(5)).
 */

import { parse } from 'smol-toml';
import { BuildError } from '../../errors/index.ts';
import type { Mirror, RegistriesConfig, RegistryRule, ShortNameMode } from './types.ts';

/**
 * Parses one file.
 *
 * @param origin names the file in messages
 * @throws BuildError `CONFIG_INVALID`
 */
export function parseRegistriesConfig(source: string, origin: string): RegistriesConfig {
  let document: Table;
  try {
    document = parse(source) as Table;
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : '';
    throw new BuildError('CONFIG_INVALID', `${origin} cannot be read: ${why}`, { cause });
  }
  if (document['registries'] !== undefined) {
    throw new BuildError('CONFIG_INVALID', `${origin} is of version 1, which is not supported`, {
      suggestion: 'write it with [[registry]] tables, see containers-registries.conf(5)',
    });
  }
  const shortNameMode = text(document['short-name-mode']);
  if (!isShortNameMode(shortNameMode))
    throw new BuildError('CONFIG_INVALID', `${origin}: short-name-mode cannot be ${shortNameMode}`);
  return {
    rules: tables(document['registry']).map((table) => ruleOf(table, origin)),
    aliases: stringMap(document['aliases']),
    searchRegistries: strings(document['unqualified-search-registries']).map(text),
    ...(shortNameMode === '' ? {} : { shortNameMode }),
  };
}

function isShortNameMode(value: string): value is ShortNameMode | '' {
  return ['', 'enforcing', 'permissive', 'disabled'].includes(value);
}

type Table = Readonly<Record<string, unknown>>;

function ruleOf(table: Table, origin: string): RegistryRule {
  const location = text(table['location']);
  const prefix = text(table['prefix']) || location;
  if (prefix === '') {
    throw new BuildError('CONFIG_INVALID', `${origin} has a registry without prefix and location`);
  }
  if (location === '' && !prefix.startsWith('*.') && table['blocked'] !== true) {
    throw new BuildError('CONFIG_INVALID', `${origin}: registry ${prefix} has no location`);
  }
  const selector = selectorOf(prefix);
  const place = (of: string): string => {
    const own = selectorOf(of);
    if (own === '' || own === selector) return of.slice(0, of.length - own.length);
    throw new BuildError('CONFIG_INVALID', `${origin}: ${of} is another image than ${prefix}`, {
      suggestion: 'a rule for one tag or digest moves it to another repository; the tag stays',
    });
  };
  const digestOnly = table['mirror-by-digest-only'] === true;
  return {
    prefix,
    location: place(location),
    insecure: table['insecure'] === true,
    blocked: table['blocked'] === true,
    mirrors: tables(table['mirror']).map((mirror) => {
      const read = mirrorOf(mirror, digestOnly, origin);
      return { ...read, location: place(read.location) };
    }),
  };
}

/** The `:tag` or `@digest` that a place ends in, or nothing; a port is neither. */
function selectorOf(place: string): string {
  const at = place.indexOf('@');
  if (at !== -1) return place.slice(at);
  const slash = place.lastIndexOf('/');
  const colon = slash === -1 ? -1 : place.indexOf(':', slash);
  return colon === -1 ? '' : place.slice(colon);
}

function mirrorOf(table: Table, digestOnly: boolean, origin: string): Mirror {
  const location = text(table['location']);
  if (location === '') {
    throw new BuildError('CONFIG_INVALID', `${origin} has a mirror without location`);
  }
  const own = text(table['pull-from-mirror']);
  if (digestOnly && own !== '') {
    throw new BuildError(
      'CONFIG_INVALID',
      `${origin}: the mirror ${location} has pull-from-mirror, and its registry mirror-by-digest-only`,
      { suggestion: 'say it once, with pull-from-mirror of the mirror' },
    );
  }
  const pull = own || (digestOnly ? 'digest-only' : 'all');
  if (pull !== 'all' && pull !== 'digest-only' && pull !== 'tag-only') {
    throw new BuildError('CONFIG_INVALID', `${origin}: pull-from-mirror cannot be ${pull}`);
  }
  return { location, insecure: table['insecure'] === true, pullFrom: pull };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.replace(/\/+$/, '') : '';
}

function tables(value: unknown): readonly Table[] {
  return Array.isArray(value)
    ? value.filter((item): item is Table => typeof item === 'object' && item !== null)
    : [];
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function stringMap(value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {};
  const pairs = Object.entries(value);
  return Object.fromEntries(
    pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}
