/** Reads an archive from a stream. */

import { addAbortSignal, Readable } from 'node:stream';
import { TarReader, type TarReaderOptions } from './reader.ts';
import type { TarHandler } from './types.ts';

/**
 * Reads an archive to the end of its source, calling the handler as it goes. The source is consumed whole, also
 * what follows the archive's end, so that checks further up the stream come to their end; on failure it is destroyed.
 * An abort destroys a Readable at once; another source is left at its next chunk.
 *
 * @throws BuildError `TAR_INVALID`, `LIMIT_EXCEEDED`; whatever source and handler throw; the reason of the signal
 */
export async function readTar(
  source: AsyncIterable<Uint8Array>,
  handler: TarHandler,
  options: TarReaderOptions = {},
  signal?: AbortSignal,
): Promise<void> {
  const stream = source instanceof Readable ? source : undefined;
  if (signal?.aborted) stream?.destroy();
  signal?.throwIfAborted();
  if (signal !== undefined && stream !== undefined) addAbortSignal(signal, stream);
  const reader = new TarReader(handler, options);
  try {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      reader.write(chunk);
    }
  } catch (thrown) {
    signal?.throwIfAborted();
    throw thrown;
  }
  reader.end();
}
