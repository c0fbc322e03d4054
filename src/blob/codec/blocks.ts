/** Brings a stream into blocks of one size, so that what is made of it does not depend on its chunks. */

/** Yields consecutive blocks of exactly `size` bytes, the last one shorter; each is newly allocated. */
export async function* blocksOf(
  body: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Buffer> {
  let block = Buffer.allocUnsafeSlow(size);
  let filled = 0;
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      const step = Math.min(size - filled, chunk.length - at);
      block.set(chunk.subarray(at, at + step), filled);
      filled += step;
      at += step;
      if (filled === size) {
        yield block;
        block = Buffer.allocUnsafeSlow(size);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
