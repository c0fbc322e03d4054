/**
 * Compression of layer blobs, streaming and deterministic: the same bytes and level give the same blob,
 * whatever the chunks of the input, the number of cores or the clock. A blob may change with the version
 * of zlib or zstd inside Node; the diffID, taken before compression, does not.
 */

import type { Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';
import { BuildError } from '../../errors/index.ts';
import type { Compression } from '../../model/index.ts';
import { blocksOf } from './blocks.ts';
import { engineOptions } from './engine.ts';
import { gzipMember } from './gzip.ts';
import { readableOver } from './owned.ts';

/** How a blob is compressed. */
export interface CompressOptions {
  readonly compression: Compression;
  /** gzip: 0 to 9, 6 when absent; zstd: 1 to 22, 3 when absent. */
  readonly level?: number;
}

const levels = { gzip: { min: 0, max: 9, usual: 6 }, zstd: { min: 1, max: 22, usual: 3 } } as const;

/**
 * Returns the compressed bytes of `body`, which it takes over; its errors come out of the result, and
 * destroying the result destroys `body`. With compression `none` it returns `body` itself.
 *
 * @throws BuildError `USAGE_INVALID` for a level that the compression does not have
 */
export function compress(body: Readable, options: CompressOptions): Readable {
  const { compression } = options;
  if (compression === 'none') return body;
  const level = checkedLevel(compression, options.level);
  const encode = compression === 'gzip' ? gzipMember : zstdFrame;
  return readableOver(body, encode(body, level));
}

function checkedLevel(compression: 'gzip' | 'zstd', level: number | undefined): number {
  const { min, max, usual } = levels[compression];
  if (level === undefined) return usual;
  if (Number.isInteger(level) && level >= min && level <= max) return level;
  throw new BuildError('USAGE_INVALID', `${compression} has no compression level ${level}`, {
    suggestion: `use a level from ${min} to ${max}`,
  });
}

/** The frame's shape depends on how the input is handed over, so that is done in one fixed way. */
async function* zstdFrame(body: Readable, level: number): AsyncGenerator<Uint8Array> {
  const engine = createZstdCompress({
    ...engineOptions,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
  const feed = async () => {
    for await (const block of blocksOf(body, 2 ** 20)) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      engine.write(block, (error) => (error ? reject(error) : resolve()));
      await promise;
    }
    engine.end();
  };
  const fed = feed().catch((error: Error) => void engine.destroy(error));
  yield* engine as AsyncIterable<Uint8Array>;
  await fed;
}
