/** Opens an archive of images; a compressed one is first spooled, since it cannot be read by offset. */

import { createWriteStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { decompress } from '../blob/index.ts';
import { BuildError } from '../errors/index.ts';
import type { Compression } from '../model/index.ts';
import { fileError } from '../store/index.ts';
import { indexTarFile, openArchiveFile, type TarFile } from './tar-file.ts';

/** A directory of our own; disposing removes it. */
export interface ScratchDirectory extends AsyncDisposable {
  readonly path: string;
}

/** Makes a directory for a spooled archive. */
export type MakeScratch = () => Promise<ScratchDirectory>;

/** An archive and what has to be removed after use. */
export interface OpenedArchive extends AsyncDisposable {
  readonly tar: TarFile;
}

/**
 * Opens an archive, compressed or not.
 *
 * @throws BuildError `IMAGE_NOT_FOUND`, `TAR_INVALID`, `COMPRESSION_INVALID`, `LIMIT_EXCEEDED`, `NO_SPACE`,
 * `IO_FAILED`; the signal's reason
 */
export async function openArchive(
  path: string,
  makeScratch: MakeScratch,
  signal?: AbortSignal,
): Promise<OpenedArchive> {
  const file = await openArchiveFile(path);
  try {
    const start = Buffer.alloc(6);
    await file.read(start, 0, start.length, 0);
    const compression = compressionOf(start, path);
    if (compression !== 'none')
      return await openSpooled(path, file, compression, makeScratch, signal);
    const tar = await indexTarFile(path, file);
    return { tar, [Symbol.asyncDispose]: () => tar[Symbol.asyncDispose]() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openSpooled(
  path: string,
  file: FileHandle,
  compression: Compression,
  makeScratch: MakeScratch,
  signal: AbortSignal | undefined,
): Promise<OpenedArchive> {
  const scratch = await makeScratch();
  try {
    const tar = await indexTarFile(path, await spool(file, compression, scratch, signal));
    const dispose = async () => {
      await tar[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    };
    return { tar, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    const explained = await fileError(error, `cannot unpack ${path}`, scratch.path);
    await scratch[Symbol.asyncDispose]();
    throw explained;
  }
}

/**
 * Tells from its first bytes how a file is compressed.
 *
 * @throws BuildError `COMPRESSION_INVALID` for a compression that is not supported
 */
export function compressionOf(start: Uint8Array, what: string): Compression {
  const hex = Buffer.from(start).toString('hex');
  if (hex.startsWith('1f8b')) return 'gzip';
  if (hex.startsWith('28b52ffd')) return 'zstd';
  const other = hex.startsWith('fd377a585a')
    ? 'xz'
    : hex.startsWith('425a68')
      ? 'bzip2'
      : undefined;
  if (other === undefined) return 'none';
  throw new BuildError('COMPRESSION_INVALID', `${what} is compressed with ${other}`, {
    suggestion: 'only gzip and zstd are supported; decompress it first',
  });
}

async function spool(
  file: FileHandle,
  compression: Compression,
  scratch: ScratchDirectory,
  signal: AbortSignal | undefined,
): Promise<FileHandle> {
  const target = join(scratch.path, 'archive.tar');
  const body = file.createReadStream({ start: 0, highWaterMark: 256 * 1024 });
  await pipeline(decompress(body, compression), createWriteStream(target), {
    ...(signal === undefined ? {} : { signal }),
  });
  return openArchiveFile(target);
}
