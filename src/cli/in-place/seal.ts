/**
 * Holds the program to what it was: a script with our id can write to our own files, and what it wrote
 * would run with credentials in the next process.
 *
 * Looked at while nothing of the script runs any more. Files that belong to somebody else are skipped: the
 * script could not change them.
 */

import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BuildError } from '../../errors/index.ts';
import type { CommandIo } from '../command.ts';

/** What the files of the program were. */
export interface Seal {
  /** @throws BuildError `RUNTIME_FAILED` when one of them has changed */
  check(): Promise<void>;
}

/** Takes the digests of the files that this program runs from, as far as they are ours. */
export async function sealProgram(io: CommandIo): Promise<Seal> {
  const before = await digestsOf(io);
  return {
    check: async () => {
      const now = await digestsOf(io);
      const paths = new Set([...before.keys(), ...now.keys()]);
      const changed = [...paths].find((path) => before.get(path) !== now.get(path));
      if (changed === undefined) return;
      throw new BuildError(
        'RUNTIME_FAILED',
        `assemble changed ${changed}, which is part of s2oci; nothing was published`,
        { origin: 'builder', suggestion: 'have s2oci on a read-only volume of the container' },
      );
    },
  };
}

async function digestsOf({ self, node, uid }: CommandIo): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  const top = dirname(dirname(self.at(-1) ?? node));
  for (const path of [node, ...(uid === ownerOf(top) ? filesBelow(top) : [])])
    if (ownerOf(path) === uid) digests.set(path, await digestOf(path));
  return digests;
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function ownerOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.uid;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
