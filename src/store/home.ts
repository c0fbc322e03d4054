/**
 * The state directory itself: making it, recognising its format, mending what can be made again.
 */

import { constants } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { parseManifest } from '../model/index.ts';
import { makeDirectories, moveAside, writeAtomically } from './files.ts';
import { formatVersion, type StorePaths } from './paths.ts';

const emptyIndex = `${JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [],
})}\n`;

const layoutMarker = `${JSON.stringify({ imageLayoutVersion: '1.0.0' })}\n`;

/** Whether the state can be changed or only read. */
export type HomeAccess = 'read-write' | 'read-only';

/**
 * Makes the state directory or recognises an existing one, and mends directories and layout files that
 * are missing or broken. Safe for several processes at once.
 *
 * @throws BuildError `STORE_FORMAT_UNSUPPORTED`, `CONFIG_INVALID` for a directory that holds something
 * else, `PERMISSION_DENIED`; in all of these nothing was touched
 */
export async function prepareHome(paths: StorePaths): Promise<HomeAccess> {
  const format = await readFormat(paths);
  try {
    if (format === undefined) await initialise(paths);
    for (const directory of paths.directories()) await makeDirectories(directory);
    await mendLayout(paths);
    await access(paths.locks, constants.W_OK);
    return 'read-write';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EROFS' && code !== 'EACCES' && code !== 'EPERM') throw error;
    if (format !== undefined && (await canRead(paths))) return 'read-only';
    throw new BuildError(
      'PERMISSION_DENIED',
      `cannot use ${paths.home} for local state: ${message}`,
      {
        cause: error,
        origin: 'local',
        suggestion: 'set S2OCI_HOME to a directory that you may write to',
      },
    );
  }
}

async function readFormat(paths: StorePaths): Promise<number | undefined> {
  const text = await readFile(paths.format, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const version = /^(\d{1,6})\n?$/.exec(text)?.[1];
  if (version !== undefined && Number(version) === formatVersion) return formatVersion;
  throw new BuildError(
    'STORE_FORMAT_UNSUPPORTED',
    `cannot use ${paths.home}: its format is ${JSON.stringify(text.slice(0, 40).trim())}, this s2oci knows ${formatVersion}`,
    {
      origin: 'local',
      suggestion: 'use the s2oci that made it, or set S2OCI_HOME to another directory',
    },
  );
}

async function initialise(paths: StorePaths): Promise<void> {
  await makeDirectories(paths.home, 0o700);
  const foreign = (await readdir(paths.home)).find(
    (name) => !/^(\.format\.|lost\+found$)/.test(name),
  );
  // Another process may have made the store between our two looks.
  if (foreign !== undefined && (await readFormat(paths)) === undefined) {
    throw new BuildError(
      'CONFIG_INVALID',
      `cannot use ${paths.home} for local state: it holds other things, such as ${JSON.stringify(foreign)}`,
      { origin: 'local', suggestion: 'set S2OCI_HOME to an empty or a new directory' },
    );
  }
  await writeAtomically(paths.format, `${formatVersion}\n`);
}

async function mendLayout(paths: StorePaths): Promise<void> {
  const marker = join(paths.layout, 'oci-layout');
  const index = join(paths.layout, 'index.json');
  const isMarker = (bytes: Buffer) => JSON.parse(bytes.toString()).imageLayoutVersion === '1.0.0';
  const isIndex = (bytes: Buffer) => parseManifest(bytes, undefined, 'index').kind === 'index';
  if (!(await holds(marker, isMarker))) {
    await moveAside(marker, paths.quarantine);
    await writeAtomically(marker, layoutMarker);
  }
  if (!(await holds(index, isIndex))) {
    await moveAside(index, paths.quarantine);
    await writeAtomically(index, emptyIndex);
  }
}

async function holds(path: string, accepts: (bytes: Buffer) => boolean): Promise<boolean> {
  try {
    return accepts(await readFile(path));
  } catch {
    return false;
  }
}

async function canRead(paths: StorePaths): Promise<boolean> {
  return access(join(paths.layout, 'blobs'), constants.R_OK).then(
    () => true,
    () => false,
  );
}
