/**
 * Gzip compression on several cores that yields one ordinary member (RFC 1952).
 *
 * The input is cut into blocks of 1 MiB. Each is deflated on its own with the 32 KiB before it as
 * dictionary and ends on a byte boundary, so the results simply follow one another. The outcome depends
 * on the bytes, the level and the zlib in use, never on the number of cores or the chunks of the input.
 */

import { constants, crc32, createDeflateRaw } from 'node:zlib';
import { endChunk, markSingleReader } from '../spent.ts';
import { blocksOf } from './blocks.ts';
import { engineOptions } from './engine.ts';
import { mapAhead } from './map-ahead.ts';

const blockSize = 2 ** 20;
const windowSize = 2 ** 15;
/** What a block may become at worst: everything stored, and the marks of the flush at its end. */
const deflatedSize = blockSize + 2 ** 13;
/** No flags, no time, no hint of the level, operating system "unknown": the same header everywhere. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** An empty block with the "last" bit. */
const finalBlock = Buffer.from([3, 0]);

/**
 * How many blocks are in work or wait for the reader: twice what libuv has threads for. The reader may wait for a write
 * that stands in line behind them, and the threads must not run dry meanwhile.
 */
const blocksInWork = 8;

/** Yields one gzip member with the content of `body`. */
export async function* gzipMember(
  body: AsyncIterable<Uint8Array>,
  level: number,
): AsyncGenerator<Uint8Array> {
  yield header;
  let checksum = 0;
  let size = 0;
  let dictionary: Buffer | undefined;
  yield* mapAhead(blocksOf(body, blockSize), blocksInWork, (block) => {
    const before = dictionary;
    checksum = crc32(block, checksum);
    size += block.length;
    dictionary = Buffer.from(block.subarray(-windowSize));
    return deflateBlock(block, level, before);
  });
  yield finalBlock;
  yield trailer(checksum, size);
}

async function deflateBlock(
  block: Buffer,
  level: number,
  dictionary: Buffer | undefined,
): Promise<Buffer> {
  const engine = createDeflateRaw({
    ...engineOptions,
    level,
    memLevel: 9,
    finishFlush: constants.Z_SYNC_FLUSH,
    chunkSize: deflatedSize,
    ...(dictionary === undefined ? {} : { dictionary }),
  });
  engine.end(block);
  const parts: Buffer[] = [];
  for await (const part of engine as AsyncIterable<Buffer>) parts.push(part);
  if (block.byteLength === block.buffer.byteLength) endChunk(block);
  return joined(parts);
}

/** The parts lie one after the other in the engine's only buffer, of which no more is touched than they fill. */
function joined(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (first === undefined || parts.some(({ buffer }) => buffer !== first.buffer))
    return Buffer.concat(parts, length);
  const whole = Buffer.from(first.buffer, first.byteOffset, length);
  markSingleReader(whole, { part: true });
  return whole;
}

function trailer(checksum: number, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(checksum, 0);
  bytes.writeUInt32LE(size % 2 ** 32, 4);
  return bytes;
}
