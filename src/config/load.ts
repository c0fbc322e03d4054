/** Loads the settings in force: finds and reads the config file, then merges. */

import { dirname, resolve } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { readConfigFile } from './file.ts';
import { type Config, type ConfigLayers, type Flags, mergeConfig } from './merge.ts';
import { configFilePath, type Places } from './places.ts';

/**
 * Loads the settings. `S2OCI_CONFIG` names another config file, which then has to exist.
 *
 * @throws BuildError `CONFIG_INVALID`, `USAGE_INVALID` (flags), `PERMISSION_DENIED`, `IO_FAILED`
 */
export async function loadConfig(places: Places, flags: Flags): Promise<Config> {
  const file = await findFile(places);
  return mergeConfig({ places, flags, ...(file === undefined ? {} : { file }) });
}

async function findFile(places: Places): Promise<ConfigLayers['file']> {
  const named = places.env['S2OCI_CONFIG'] || undefined;
  const path = named === undefined ? configFilePath(places) : resolve(places.cwd, named);
  if (path === undefined) return undefined;
  const content = await readConfigFile(path);
  if (content === undefined && named !== undefined) {
    throw new BuildError(
      'CONFIG_INVALID',
      `S2OCI_CONFIG names a file that does not exist: ${path}`,
    );
  }
  return content === undefined ? undefined : { path, directory: dirname(path), content };
}
