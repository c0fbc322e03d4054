/** Going through the blobs of a store. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, isDigest } from '../model/index.ts';
import { lstatIfAny } from './files.ts';
import type { StorePaths } from './paths.ts';

/** Something that lies among the blobs. */
export interface BlobEntry {
  readonly path: string;
  /** Absent for a name that is no digest. */
  readonly digest: Digest | undefined;
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsed: number;
}

/** Lists everything that lies where blobs lie. What vanishes meanwhile is left out. */
export async function* listBlobs(paths: StorePaths): AsyncGenerator<BlobEntry> {
  for (const algorithm of ['sha256', 'sha512']) {
    const directory = join(paths.layout, 'blobs', algorithm);
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const found = await lstatIfAny(path);
      if (found === undefined) continue;
      const text = `${algorithm}:${name}`;
      const digest = isDigest(text) ? text : undefined;
      yield { path, digest, bytes: found.size, lastUsed: Math.max(found.atimeMs, found.mtimeMs) };
    }
  }
}
