/** Brings a stream into blocks of one size, so that what is made of it does not depend on its chunks. */

/**
 * Yields consecutive blocks of exactly `size` bytes, the last one shorter. Blocks may be parts of the
 * chunks that came in, which therefore must not be written to again.
 */
export async function* blocksOf(
  body: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Buffer> {
  let block: Buffer | undefined;
  let filled = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + size - filled);
      at += part.length;
      if (part.length === size) {
        yield part;
        continue;
      }
      block ??= Buffer.allocUnsafeSlow(size);
      block.set(part, filled);
      filled += part.length;
      if (filled < size) continue;
      yield block;
      block = undefined;
      filled = 0;
    }
  }
  if (filled > 0 && block !== undefined) yield block.subarray(0, filled);
}
