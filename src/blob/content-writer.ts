/** Writing a content into a file and hashing it: here for small ones; write-threads.ts does it beside this thread. */

import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { type Digest, type DigestAlgorithm, finishDigest } from '../model/index.ts';
import { endChunk } from './spent.ts';

/** A content on its way to the end of a file. */
export interface ContentWriter {
  /** Writes and hashes chunks behind those before; they are gone afterwards. Calls need not wait for one another. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  /** Ends the content, after the last write has settled. */
  digest(): Promise<Digest>;
  /** Gives the content up, also after its end; settles when nothing uses the file any more. */
  drop(): Promise<void>;
}

/** Writes and hashes in the calling thread. */
export function writeHere(file: FileHandle, algorithm: DigestAlgorithm): ContentWriter {
  const hash = createHash(algorithm);
  let last = Promise.resolve();
  return {
    write: (chunks) => {
      last = last.then(async () => {
        for (const chunk of chunks) hash.update(chunk);
        await writeAll(file, chunks);
        for (const chunk of chunks) endChunk(chunk);
      });
      return last;
    },
    digest: async () => finishDigest(hash, algorithm),
    drop: () => last.catch(() => {}),
  };
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const size = chunks.reduce((sum, { length }) => sum + length, 0);
  const { bytesWritten } = await file.writev(chunks);
  if (bytesWritten < size) await file.writeFile(Buffer.concat(chunks).subarray(bytesWritten));
}
