/** Joining what several files of `registries.conf` say. */

import type { RegistriesConfig } from './types.ts';

/** A configuration that says nothing. */
export const noRegistriesConfig: RegistriesConfig = {
  rules: [],
  aliases: {},
  searchRegistries: [],
};

/** Joins two files: the second one's rules and names win over those of the first with the same prefix. */
export function mergeRegistriesConfig(
  first: RegistriesConfig,
  second: RegistriesConfig,
): RegistriesConfig {
  const replaced = new Set(second.rules.map(({ prefix }) => prefix));
  const shortNameMode = second.shortNameMode ?? first.shortNameMode;
  return {
    rules: [...first.rules.filter(({ prefix }) => !replaced.has(prefix)), ...second.rules],
    aliases: { ...first.aliases, ...second.aliases },
    searchRegistries:
      second.searchRegistries.length > 0 ? second.searchRegistries : first.searchRegistries,
    ...(shortNameMode === undefined ? {} : { shortNameMode }),
  };
}
