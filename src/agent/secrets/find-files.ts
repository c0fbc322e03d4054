/** Names the entries of an archive that hold secrets; for the message, once it is known that one does. */

import type { Readable } from 'node:stream';
import { type ByteString, bufferOf, byteStringFrom, displayBytes } from '../../model/index.ts';
import { readTar, type TarEntry } from '../../tar/index.ts';
import type { SecretPattern } from './patterns.ts';
import { SecretRedactor } from './redact.ts';
import { SecretSearch } from './scan.ts';

/** A secret and where it shows. */
export interface FoundSecret {
  readonly id: string;
  /** Absolute path in the container, escaped for showing. */
  readonly path: string;
}

/** Enough for a message. */
const maxFound = 5;

/** Reads an archive to its end and lists the first places in contents, names, link targets and attributes. */
export async function findSecretFiles(
  archive: Readable,
  patterns: readonly SecretPattern[],
  signal: AbortSignal,
): Promise<readonly FoundSecret[]> {
  const found = new Map<string, FoundSecret>();
  let path = '';
  let search = new SecretSearch(patterns);
  const look = (bytes: Uint8Array) => {
    const id = search.find(bytes);
    if (id !== undefined && found.size < maxFound) found.set(`${id} ${path}`, { id, path });
  };
  const entry = (next: TarEntry) => {
    path = `/${displayBytes(redacted(next.path, patterns))}`;
    for (const bytes of [next.path, next.linkName, ...next.xattrs.values()]) {
      search = new SecretSearch(patterns);
      look(typeof bytes === 'string' ? bufferOf(bytes) : bytes);
    }
    search = new SecretSearch(patterns);
  };
  await readTar(archive, { entry, data: look }, {}, signal);
  return [...found.values()];
}

/** A name may be the secret itself. */
function redacted(path: ByteString, patterns: readonly SecretPattern[]): ByteString {
  const redactor = new SecretRedactor(patterns);
  const shown = [redactor.push(bufferOf(path)), redactor.end()];
  return byteStringFrom(Buffer.concat(shown));
}
