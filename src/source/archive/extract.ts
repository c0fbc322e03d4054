/** Extracts a tar stream, plain or compressed with gzip or zstd, into an empty directory. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { asBuildError, BuildError } from '../../errors/index.ts';
import type { Compression } from '../../model/index.ts';
import { readTar, type TarHandler, type TarReaderOptions } from '../../tar/index.ts';
import { SourceExtractor } from './extractor.ts';

/** Formats known by their first bytes that are not accepted, with how users get there. */
const otherFormats: readonly (readonly [magic: string, name: string])[] = [
  ['504b0304', 'a zip archive'],
  ['425a68', 'compressed with bzip2'],
  ['fd377a585a00', 'compressed with xz'],
  ['377abcaf271c', 'a 7z archive'],
];

/**
 * Extracts an archive; a stream without bytes is one without entries. The stream is consumed to its end or destroyed.
 *
 * @param directory exists and is empty
 * @param what the archive as the user knows it, for messages
 * @returns the count of entries
 * @throws BuildError `SOURCE_INVALID`, `TAR_INVALID`, `PATH_UNSAFE`, `LIMIT_EXCEEDED`, `COMPRESSION_INVALID`
 */
export async function extractArchive(
  archive: Readable,
  directory: string,
  what: string,
  options: Pick<TarReaderOptions, 'limits' | 'requireEndMarker'>,
  signal?: AbortSignal,
): Promise<number> {
  const extractor = new SourceExtractor(directory, what);
  try {
    await readArchive(archive, extractor, what, options, signal);
    extractor.finish();
    return extractor.entries;
  } finally {
    extractor.close();
  }
}

/**
 * Reads an archive with a handler; a stream without bytes is one without entries. The stream is consumed to its end or
 * destroyed.
 *
 * @returns how the archive is compressed
 * @throws BuildError as {@link extractArchive}, and what the handler throws
 */
export async function readArchive(
  archive: Readable,
  handler: TarHandler,
  what: string,
  options: Pick<TarReaderOptions, 'limits' | 'requireEndMarker'> = {},
  signal?: AbortSignal,
): Promise<Compression> {
  try {
    const { head, body } = await peek(archive);
    rejectOtherFormats(head, what);
    const compression = compressionOf(head);
    if (head.length > 0)
      await readTar(decoded(body, compression), handler, { ...options, what }, signal);
    return compression;
  } catch (error) {
    throw signal?.aborted === true ? signal.reason : asArchiveError(error, what);
  } finally {
    archive.destroy();
  }
}

/** A failure of the decoder reaches whoever reads from it. */
function decoded(body: Readable, compression: Compression): Readable {
  if (compression === 'none') return body;
  const decoder = compression === 'gzip' ? createGunzip() : createZstdDecompress();
  pipeline(body, decoder).catch(() => {});
  return decoder;
}

function compressionOf(head: Buffer): Compression {
  if (head.toString('hex', 0, 2) === '1f8b') return 'gzip';
  return head.toString('hex', 0, 4) === '28b52ffd' ? 'zstd' : 'none';
}

/** Reads the first bytes of a stream and gives the whole of it back as another. */
async function peek(stream: Readable): Promise<{ head: Buffer; body: Readable }> {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const chunks: Buffer[] = [];
  let ended = false;
  while (!ended && chunks.reduce((sum, { length }) => sum + length, 0) < 6) {
    const { value, done } = await iterator.next();
    if (done === true) ended = true;
    else chunks.push(value);
  }
  async function* whole(): AsyncGenerator<Buffer> {
    yield* chunks;
    if (!ended) yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head: Buffer.concat(chunks), body: Readable.from(whole(), { objectMode: false }) };
}

function rejectOtherFormats(head: Buffer, what: string): void {
  const found = otherFormats.find(([magic]) => head.toString('hex').startsWith(magic));
  if (found === undefined) return;
  throw new BuildError('SOURCE_INVALID', `${what} is ${found[1]}`, {
    origin: 'source',
    suggestion: 'give a tar archive, plain or compressed with gzip or zstd',
  });
}

function asArchiveError(error: unknown, what: string): BuildError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (!/^(?:Z_|ZSTD_|ERR_ZSTD|ERR_BUFFER)/.test(code)) return asBuildError(error);
  return new BuildError(
    'COMPRESSION_INVALID',
    `${what} cannot be decompressed: ${(error as Error).message}`,
    {
      origin: 'source',
      cause: error,
    },
  );
}
