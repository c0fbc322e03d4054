/**
 * Reads the config file: a JSON object with keys of the settings. Read strictly (no duplicate keys, no
 * prototype, at most 1 MiB), and never from a pipe or device, which could block for ever.
 */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { asBuildError, BuildError } from '../errors/index.ts';
import { type JsonObject, parseJsonObject } from '../model/index.ts';

const maxSize = 1024 * 1024;

/**
 * Reads and parses the file; undefined when it does not exist.
 *
 * @throws BuildError `CONFIG_INVALID`, `PERMISSION_DENIED`, `IO_FAILED`
 */
export async function readConfigFile(path: string): Promise<JsonObject | undefined> {
  const bytes = await readBounded(path);
  return bytes && parseJsonObject(bytes, `config file ${path}`, 'CONFIG_INVALID');
}

async function readBounded(path: string): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw notUsable(path, 'it is not a regular file');
    if (stat.size > maxSize) throw notUsable(path, 'it is larger than 1 MiB');
    return await file.readFile();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw asBuildError(error);
  }
}

function notUsable(path: string, why: string): BuildError {
  return new BuildError('CONFIG_INVALID', `cannot use config file ${path}: ${why}`);
}
