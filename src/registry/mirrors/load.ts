/**
 * Finding `registries.conf`: the user's own replaces the system's; drop-in files add to either.
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { mergeRegistriesConfig, noRegistriesConfig } from './merge.ts';
import type { RegistriesConfig } from './types.ts';

/** Where the files may be. */
export interface RegistriesConfigPlaces {
  /** The one file to use, `CONTAINERS_REGISTRIES_CONF`; with it no other `registries.conf` is read. */
  readonly file?: string;
  /** Directories with `registries.conf` and `registries.conf.d/`, the user's first. */
  readonly directories: readonly string[];
  /** Where podman keeps what a user answered when it asked which registry a short name is of. */
  readonly answers?: string;
}

/** Derives the usual places from an environment. */
export function registriesConfigPlaces(
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): RegistriesConfigPlaces {
  const file = environment['CONTAINERS_REGISTRIES_CONF'] || undefined;
  const cacheHome = environment['XDG_CACHE_HOME'] || `${home}/.cache`;
  const configHome = environment['XDG_CONFIG_HOME'] || `${home}/.config`;
  return {
    ...(file === undefined ? {} : { file }),
    directories: [join(configHome, 'containers'), '/etc/containers'],
    answers: join(cacheHome, 'containers/short-name-aliases.conf'),
  };
}

/**
 * Reads the configuration; no files mean no rules.
 *
 * @throws BuildError `CONFIG_INVALID`
 */
export async function loadRegistriesConfig(
  places: RegistriesConfigPlaces,
): Promise<RegistriesConfig> {
  const config = await loadFiles(places);
  const answers = places.answers && (await readOptional(places.answers));
  if (!answers) return config;
  const { aliases } = await parseFile(answers, places.answers ?? '');
  return { ...config, aliases: { ...config.aliases, ...aliases } };
}

async function loadFiles({ file, directories }: RegistriesConfigPlaces): Promise<RegistriesConfig> {
  if (file !== undefined) {
    const text = await readOptional(file);
    if (text !== undefined) return parseFile(text, file);
    throw new BuildError('CONFIG_INVALID', `the registries configuration ${file} does not exist`);
  }
  let config = await firstConfig(directories);
  for (const directory of directories.toReversed()) {
    for (const path of await dropIns(join(directory, 'registries.conf.d'))) {
      const text = await readOptional(path);
      if (text !== undefined) {
        config = mergeRegistriesConfig(config, await parseFile(text, path));
      }
    }
  }
  return config;
}

async function firstConfig(directories: readonly string[]): Promise<RegistriesConfig> {
  for (const directory of directories) {
    const path = join(directory, 'registries.conf');
    const text = await readOptional(path);
    if (text !== undefined) return parseFile(text, path);
  }
  return noRegistriesConfig;
}

/** Most users have no such file, and then the parser is not even loaded. */
async function parseFile(text: string, path: string): Promise<RegistriesConfig> {
  const { parseRegistriesConfig } = await import('./parse.ts');
  return parseRegistriesConfig(text, path);
}

async function dropIns(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(() => []);
  return names
    .filter((name) => name.endsWith('.conf'))
    .toSorted()
    .map((name) => join(directory, name));
}

async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new BuildError('CONFIG_INVALID', `cannot read ${path}: ${code ?? 'failed'}`, { cause });
  }
}
