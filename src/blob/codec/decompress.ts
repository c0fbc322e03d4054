/**
 * Decompression of layer blobs: gzip (RFC 1952, any number of members) and zstd (RFC 8878, any number of
 * frames), streaming, with bounds against bombs.
 *
 * A blob is compressed data and nothing else: what follows the last member or frame is refused, also the
 * zero padding that Node's own gunzip passes over in silence.
 */

import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { BuildError } from '../../errors/index.ts';
import { type Compression, isZeros } from '../../model/index.ts';
import { endedWhenTaken, markSingleReader } from '../spent.ts';
import { engineOptions } from './engine.ts';
import { readableOver } from './owned.ts';
import { zstdFrames } from './zstd-frames.ts';

/** How much a compressed blob may expand. */
export interface DecompressionLimits {
  /** Bytes that may come out. */
  readonly maxBytes: number;
  /** Bytes out for each byte in; checked only once more than `ratioFloor` bytes have come out. */
  readonly maxRatio: number;
  readonly ratioFloor: number;
  /** Zeros that may come out whatever the ratio. */
  readonly freeZeros: number;
}

/**
 * 32 GiB a layer. Layers full of zeros are legitimate, and compress 1030:1 with gzip and 30,000:1 with zstd. So the
 * ratio counts only above 1 GiB, beyond what gzip can reach, and not for the first 4 GiB of zeros, which become
 * holes when they are unpacked.
 */
export const defaultDecompressionLimits: DecompressionLimits = {
  maxBytes: 32 * 2 ** 30,
  maxRatio: 1100,
  ratioFloor: 2 ** 30,
  freeZeros: 4 * 2 ** 30,
};

/** Counts what has been taken from the compressed side. */
interface Meter {
  taken: number;
}

/**
 * Returns the decompressed bytes of `body`, which it takes over; destroying the result destroys `body`.
 *
 * The stream fails with `COMPRESSION_INVALID` for data that is damaged, cut off, empty or followed by
 * other bytes, with `LIMIT_EXCEEDED` for a bomb, and with the errors of `body`.
 */
export function decompress(
  body: Readable,
  compression: Compression,
  limits: Partial<DecompressionLimits> = {},
): Readable {
  const bounds = { ...defaultDecompressionLimits, ...limits };
  return readableOver(body, guarded(body, compression, bounds));
}

async function* guarded(
  body: Readable,
  compression: Compression,
  limits: DecompressionLimits,
): AsyncGenerator<Uint8Array> {
  const meter: Meter = { taken: 0 };
  let [given, zeros] = [0, 0];
  try {
    for await (const chunk of expand(metered(body, meter), compression, meter)) {
      given += chunk.length;
      if (isZeros(chunk)) zeros += chunk.length;
      if (given > limits.maxBytes) throw tooLarge(`it holds more than ${limits.maxBytes} bytes`);
      checkRatio(given - Math.min(zeros, limits.freeZeros), meter.taken, limits);
      yield chunk;
    }
  } catch (thrown) {
    throw typed(thrown, compression);
  }
}

async function* metered(body: Readable, meter: Meter): AsyncGenerator<Uint8Array> {
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    meter.taken += chunk.length;
    yield chunk;
  }
}

function expand(
  input: AsyncIterable<Uint8Array>,
  compression: Compression,
  meter: Meter,
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'gzip':
      return gunzip(input, meter);
    case 'zstd':
      return unzstd(input);
    case 'none':
      return input;
  }
}

async function* gunzip(input: AsyncIterable<Uint8Array>, meter: Meter): AsyncGenerator<Uint8Array> {
  const engine = createGunzip(engineOptions);
  // Errors of either side come out of the engine, which is read below.
  pipeline(endedWhenTaken(input, engine.writableHighWaterMark), engine, () => {});
  yield* freshChunks(engine);
  if (engine.bytesWritten !== meter.taken)
    throw new BuildError('COMPRESSION_INVALID', 'other bytes follow the gzip data');
}

async function* unzstd(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const engine = createZstdDecompress(engineOptions);
  pipeline(zstdFrames(input), engine, () => {});
  yield* freshChunks(engine);
}

/** Engines never look again at a buffer that they have filled. */
async function* freshChunks(engine: Readable): AsyncGenerator<Uint8Array> {
  for await (const chunk of engine as AsyncIterable<Uint8Array>) {
    markSingleReader(chunk);
    yield chunk;
  }
}

function checkRatio(given: number, taken: number, limits: DecompressionLimits): void {
  if (given > limits.ratioFloor && given > taken * limits.maxRatio)
    throw tooLarge(`it expands more than ${limits.maxRatio} times`);
}

function tooLarge(why: string): BuildError {
  return new BuildError('LIMIT_EXCEEDED', `compressed data is refused: ${why}`, {
    suggestion:
      'it is either damaged or made to exhaust disks; rebuild the image with smaller layers',
  });
}

function typed(thrown: unknown, compression: Compression): unknown {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  if (thrown instanceof BuildError || typeof code !== 'string') return thrown;
  if (!/^(Z_|ZSTD_)/.test(code)) return thrown;
  const why = (thrown as Error).message;
  return new BuildError('COMPRESSION_INVALID', `${compression} data is damaged: ${why}`, {
    cause: thrown,
  });
}
