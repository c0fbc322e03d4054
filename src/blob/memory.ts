/**
 * Small contents that live in memory: manifests, configs, descriptors with embedded data.
 */

import { Readable } from 'node:stream';
import { BuildError } from '../errors/index.ts';
import { type Descriptor, type Digest, digestOf } from '../model/index.ts';
import type { BlobSource } from './ports.ts';
import { verifyStream } from './verify.ts';

/** Makes a stream of bytes in memory. */
export function streamOf(bytes: Uint8Array): Readable {
  return Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false });
}

/** Serves contents that are in memory, found by their digest. */
export function bytesSource(...contents: readonly Uint8Array[]): BlobSource {
  const byDigest = new Map<Digest, Uint8Array>(contents.map((bytes) => [digestOf(bytes), bytes]));
  return {
    open: async (descriptor: Descriptor) => {
      const bytes = byDigest.get(descriptor.digest);
      if (bytes === undefined) {
        throw new BuildError('BLOB_NOT_FOUND', `no such blob in memory: ${descriptor.digest}`);
      }
      return verifyStream(streamOf(bytes), descriptor);
    },
  };
}

/**
 * Reads a stream to its end into memory.
 *
 * @param limit the most bytes that are accepted
 * @param what names the content in the message
 * @throws BuildError `LIMIT_EXCEEDED`; the stream is destroyed
 */
export async function readAll(body: Readable, limit: number, what = 'content'): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > limit)
      throw new BuildError('LIMIT_EXCEEDED', `${what} is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
