/** Where files of a user are, by the XDG Base Directory Specification. Pure: the environment comes in. */

import { isAbsolute, join } from 'node:path';
import { BuildError } from '../errors/index.ts';

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What is known about the user and the process. */
export interface Places {
  readonly env: Environment;
  readonly cwd: string;
  /** The home directory that the user database names, for when HOME says nothing. */
  readonly userHome?: string | undefined;
}

/** Returns the user's home directory: HOME, else what the user database says; undefined without either. */
export function userHomeOf({ env, userHome }: Places): string | undefined {
  return [env['HOME'], userHome].find((path) => path !== undefined && isAbsolute(path));
}

/** Returns the default of `S2OCI_HOME`: `$XDG_DATA_HOME/s2oci`, or below `~/.local/share`. */
export function dataDirectory(places: Places): string {
  const directory = baseDirectory(places, 'XDG_DATA_HOME', '.local/share');
  if (directory !== undefined) return join(directory, 's2oci');
  throw new BuildError(
    'CONFIG_INVALID',
    'no place for local state: the user has no home directory',
    {
      suggestion: 'set S2OCI_HOME to a directory of this user',
    },
  );
}

/** Returns the path of the config file, which need not exist; undefined where no such place is known. */
export function configFilePath(places: Places): string | undefined {
  const directory = baseDirectory(places, 'XDG_CONFIG_HOME', '.config');
  return directory === undefined ? undefined : join(directory, 's2oci', 'config.json');
}

/** The specification wants relative paths in its variables ignored. */
function baseDirectory(places: Places, variable: string, below: string): string | undefined {
  const named = places.env[variable];
  if (named !== undefined && isAbsolute(named)) return named;
  const home = userHomeOf(places);
  return home === undefined ? undefined : join(home, below);
}
