/**
 * Giving memory back at once, to be used again. Chunks from networks and files are large, live for a moment and are garbage
 * then; a collector that has to find them costs a pull a tenth of its time and half of its memory.
 *
 * Whoever makes a chunk that has one reader says so; the reader that only copies it out ends it. Between the
 * two it passes as any other chunk does, and a reader that does not know of this changes nothing.
 */

const hasOneReader = Symbol('one reader');

type MarkedBuffer = (ArrayBuffer | SharedArrayBuffer) & { [hasOneReader]?: boolean };

/** Bytes of a lent chunk: much at once, and few of them fill the processor's cache. */
export const lentSize = 1024 * 1024;

/** Bytes that are lent at most. Memory that threads share is not counted by the collector, so what nobody ends must not add up. */
const mostLent = 64 * 1024 * 1024;

/** What came back. */
const spare: SharedArrayBuffer[] = [];
let made = 0;
const forgotten = new FinalizationRegistry<void>(() => {
  made -= 1;
});

/**
 * Lends memory for a chunk, whose bytes are whatever was there. It is lent again when it was ended; threads read it where it
 * is. Past a limit it is memory like any other.
 */
export function lendChunk(): Buffer {
  const back = spare.pop();
  if (back !== undefined) return Buffer.from(back);
  if (made * lentSize >= mostLent) return Buffer.allocUnsafeSlow(lentSize);
  made += 1;
  const memory = new SharedArrayBuffer(lentSize);
  forgotten.register(memory);
  return Buffer.from(memory);
}

/**
 * Says that a chunk is looked at by nobody but whoever reads its stream. Parts of a larger buffer are left alone,
 * unless nothing else is in that.
 */
export function markSingleReader(chunk: Uint8Array, { part = false } = {}): void {
  const buffer = chunk.buffer as MarkedBuffer;
  if (part || chunk.byteLength === buffer.byteLength) buffer[hasOneReader] = true;
}

/** Gives back the memory of a chunk that was marked: it has no bytes afterwards, or others. For any other chunk, does nothing. */
export function endChunk(chunk: Uint8Array): void {
  const buffer = chunk.buffer as MarkedBuffer;
  if (buffer[hasOneReader] !== true) return;
  buffer[hasOneReader] = false;
  if (buffer instanceof SharedArrayBuffer) spare.push(buffer);
  else buffer.transfer(0);
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
 * Makes a chunk ready for another thread: itself when it has one reader, else a copy. Lent memory is shared with the thread
 * and is to be ended when that is done with it; any other is to be transferred ({@link transferable}).
 */
export function handOver(chunk: Uint8Array): Uint8Array {
  const buffer = chunk.buffer as MarkedBuffer;
  if (buffer[hasOneReader] !== true) return new Uint8Array(chunk);
  if (buffer instanceof ArrayBuffer) buffer[hasOneReader] = false;
  return chunk;
}

/** The memory of chunks that goes over to a thread with them. */
export function transferable(chunks: readonly Uint8Array[]): readonly ArrayBuffer[] {
  return chunks.map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer);
}
