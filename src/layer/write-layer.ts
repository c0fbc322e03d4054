/** From the bytes of an archive to a stored blob in one pass: hash, compress, ingest. */

import { createHash } from 'node:crypto';
import { pipeline, type Readable, Transform } from 'node:stream';
import { compress } from '../blob/index.ts';
import { type Compression, type Digest, finishDigest } from '../model/index.ts';

/** An archive and how its blob is compressed. */
export interface LayerBody {
  readonly body: Readable;
  readonly compression: Compression;
  /** See `compress` of blob/. */
  readonly level?: number;
}

/** A layer that is stored. */
export interface WrittenLayer {
  /** Of the compressed blob. */
  readonly digest: Digest;
  readonly size: number;
  /** Of the archive. */
  readonly diffId: Digest;
  readonly uncompressedSize: number;
}

/**
 * Compresses an archive and hands the blob to `ingest`, which reads it to its end and says what it is.
 * Takes over `body`; its errors come out of the stream that `ingest` reads.
 */
export async function writeLayer(
  layer: LayerBody,
  ingest: (stream: Readable) => Promise<{ readonly digest: Digest; readonly size: number }>,
): Promise<WrittenLayer> {
  const hash = createHash('sha256');
  let uncompressedSize = 0;
  const tap = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      uncompressedSize += chunk.length;
      done(null, chunk);
    },
  });
  // Errors of the body end up on the tap, where compression sees them.
  pipeline(layer.body, tap, () => {});
  const { compression, level } = layer;
  const blob = compress(tap, { compression, ...(level === undefined ? {} : { level }) });
  try {
    const { digest, size } = await ingest(blob);
    return { digest, size, diffId: finishDigest(hash), uncompressedSize };
  } finally {
    blob.destroy();
    layer.body.destroy();
  }
}
