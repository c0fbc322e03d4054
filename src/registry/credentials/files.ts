/**
 * Reading credential files: regular files of sensible size only, with a word about those that others can
 * read.
 */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { type AuthFile, parseAuthFile } from './auth-file.ts';
import type { CredentialSettings } from './settings.ts';

const maxFile = 4 * 1024 * 1024;

/** Told about what is odd but no error. */
export type Warn = (message: string) => void;

/** Lists the files in the order in which they are asked, without the inline one. */
export function credentialFiles(settings: CredentialSettings): readonly string[] {
  const { authFile, runtimeFile, configFile, dockerDirectory, legacyFile } = settings;
  const docker =
    dockerDirectory === undefined
      ? []
      : [join(dockerDirectory, 'config.json'), join(dockerDirectory, '.dockerconfigjson')];
  return [authFile, runtimeFile, configFile, ...docker, legacyFile].filter(
    (file) => file !== undefined,
  );
}

/**
 * Reads one file; undefined when there is none.
 *
 * @throws BuildError `CREDENTIALS_INVALID`
 */
export async function readAuthFile(path: string, warn: Warn): Promise<AuthFile | undefined> {
  const text = await readText(path, warn);
  return text === undefined || text.trim() === '' ? undefined : parseAuthFile(text, path);
}

/** Reads the text of a file; undefined when there is none. Never blocks on a FIFO. */
export async function readText(path: string, warn: Warn): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { mode, size, isFile } = await file.stat().then((s) => ({ ...s, isFile: s.isFile() }));
    if (!isFile) throw new BuildError('CREDENTIALS_INVALID', `${path} is not a regular file`);
    if (size > maxFile) {
      throw new BuildError('CREDENTIALS_INVALID', `${path} is larger than ${maxFile} bytes`);
    }
    if ((mode & 0o077) !== 0) warn(`${path} holds credentials and can be read by other users`);
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof BuildError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new BuildError('CREDENTIALS_INVALID', `cannot read ${path}: ${code ?? 'failed'}`, {
      cause: error,
    });
  }
}
