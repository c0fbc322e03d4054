/**
 * Giving memory back at once. Chunks from networks and files are large, live for a moment and are garbage then; a
 * collector that has to find them costs a pull a tenth of its time and half of its memory.
 *
 * Whoever makes a chunk that has one reader says so; the reader that only copies it out ends it. Between the
 * two it passes as any other chunk does, and a reader that does not know of this changes nothing.
 */

const hasOneReader = Symbol('one reader');

interface MarkedBuffer extends ArrayBuffer {
  [hasOneReader]?: boolean;
}

/**
 * Says that a chunk is looked at by nobody but whoever reads its stream. Parts of a larger buffer are left alone,
 * unless nothing else is in that.
 */
export function markSingleReader(chunk: Uint8Array, { part = false } = {}): void {
  const buffer = chunk.buffer as MarkedBuffer;
  if (part || chunk.byteLength === buffer.byteLength) buffer[hasOneReader] = true;
}

/** Frees the memory of a chunk that was marked: it has no bytes afterwards. For any other chunk, does nothing. */
export function endChunk(chunk: Uint8Array): void {
  const buffer = chunk.buffer as MarkedBuffer;
  if (buffer[hasOneReader] !== true) return;
  buffer[hasOneReader] = false;
  buffer.transfer(0);
}

/**
 * Passes chunks on to a stream and ends each when the stream has no use for it any more: when it asks for the next one
 * after it had to wait, as it has to with a chunk that is larger than what it takes without waiting. A chunk that shares its
 * memory with another part is left alone.
 *
 * @param unwaited bytes that the stream takes without waiting, its high-water mark
 */
export async function* endedWhenTaken(
  chunks: AsyncIterable<Uint8Array>,
  unwaited: number,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    if (chunk.length > unwaited && chunk.length === chunk.buffer.byteLength) endChunk(chunk);
  }
}

/**
 * Makes a chunk ready to be transferred to another thread: itself when it has one reader, else a copy. Either way it is
 * gone from here.
 */
export function handOver(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const buffer = chunk.buffer as MarkedBuffer;
  if (buffer[hasOneReader] === true) {
    buffer[hasOneReader] = false;
    return chunk as Uint8Array<ArrayBuffer>;
  }
  return new Uint8Array(chunk);
}
