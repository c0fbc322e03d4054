/**
 * Cuts a zstd stream at the ends of its frames (RFC 8878, section 3.1).
 *
 * Node's decompressor goes on to a next frame only when that begins a chunk; bytes behind a frame's end
 * in the same chunk are dropped without an error. Headers are followed here, contents are not looked at.
 */

import { BuildError } from '../../errors/index.ts';

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const maxFrames = 2 ** 20;

/** What the next header is. */
type Part = 'magic' | 'skippable-size' | 'descriptor' | 'block';

/**
 * Passes on the same bytes in slices none of which reaches beyond a frame's end.
 *
 * @throws BuildError `COMPRESSION_INVALID` for bytes between or after frames that are no frame,
 *   `LIMIT_EXCEEDED` for more than a million frames
 */
export async function* zstdFrames(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const scanner = new FrameScanner();
  for await (const chunk of input) {
    let at = 0;
    while (at < chunk.length) {
      const end = scanner.advance(chunk, at);
      yield chunk.subarray(at, end);
      at = end;
    }
  }
}

/** Follows the headers of frames and blocks over chunks of any size. */
class FrameScanner {
  #part: Part = 'magic';
  /** Header bytes gathered so far, little-endian, and how many are wanted. */
  #value = 0;
  #gathered = 0;
  #wanted = 4;
  /** Bytes to pass over before the next header. */
  #skip = 0;
  #lastBlock = false;
  #checksum = false;
  #frames = 0;

  /** Returns the end of the frame that holds `chunk[at]`, or of the chunk. */
  advance(chunk: Uint8Array, at: number): number {
    let position = at;
    while (position < chunk.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - position);
        this.#skip -= step;
        position += step;
      } else {
        this.#value += (chunk[position] ?? 0) * 2 ** (8 * this.#gathered);
        this.#gathered += 1;
        position += 1;
        if (this.#gathered === this.#wanted) this.#onHeader(this.#value);
      }
      if (this.#atFrameEnd()) return position;
    }
    return position;
  }

  #atFrameEnd(): boolean {
    if (!this.#lastBlock || this.#skip > 0) return false;
    this.#lastBlock = false;
    this.#expect('magic', 4);
    return true;
  }

  #expect(part: Part, wanted: number): void {
    this.#part = part;
    this.#wanted = wanted;
    this.#gathered = 0;
    this.#value = 0;
  }

  #onHeader(value: number): void {
    switch (this.#part) {
      case 'magic':
        this.#onMagic(value);
        break;
      case 'skippable-size':
        this.#skip = value;
        this.#lastBlock = true;
        break;
      case 'descriptor':
        this.#checksum = (value & 4) !== 0;
        this.#skip = frameHeaderLength(value);
        this.#expect('block', 3);
        break;
      case 'block':
        this.#onBlock(value);
    }
  }

  #onMagic(value: number): void {
    if (++this.#frames > maxFrames)
      throw new BuildError('LIMIT_EXCEEDED', 'compressed data is refused: too many zstd frames');
    if (value === frameMagic) this.#expect('descriptor', 1);
    else if (value - (value % 16) === skippableMagic) this.#expect('skippable-size', 4);
    else throw notAFrame(this.#frames);
  }

  #onBlock(header: number): void {
    const type = (header >> 1) & 3;
    this.#lastBlock = (header & 1) === 1;
    this.#skip = (type === 1 ? 1 : header >> 3) + (this.#lastBlock && this.#checksum ? 4 : 0);
    this.#expect('block', 3);
  }
}

function notAFrame(number: number): BuildError {
  const where = number === 1 ? 'it does not begin with a frame' : 'other bytes follow a frame';
  return new BuildError('COMPRESSION_INVALID', `zstd data is damaged: ${where}`);
}

/** Length of what follows the descriptor byte: window, dictionary id and content size (section 3.1.1.1). */
function frameHeaderLength(descriptor: number): number {
  const singleSegment = (descriptor >> 5) & 1;
  const contentSize = [singleSegment, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionaryId = [0, 1, 2, 4][descriptor & 3] ?? 0;
  return 1 - singleSegment + dictionaryId + contentSize;
}
