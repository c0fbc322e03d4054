/** Meets a fault at every call with which a large blob, which a thread writes, gets into a store; tells what is wrong. */

import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { descriptorOf, mediaTypes } from '../../src/model/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { arm, disarm, listCalls } from '../support/faults/state.ts';

const [, , directory = ''] = process.argv;
const bytes = Buffer.alloc(20_000_000, 'content of a large blob; ');
const descriptor = descriptorOf(bytes, mediaTypes.ociLayer);
const pieces = Array.from({ length: 20 }, (_, i) => bytes.subarray(i * 1e6, (i + 1) * 1e6));

const fetch = (store: Store): Promise<string> =>
  store
    .fetch(descriptor, { open: async () => Readable.from(pieces) }, {})
    .catch((error: { code: string }) => error.code);

async function inStore<T>(action: (store: Store) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(directory, 'home-'));
  try {
    await using store = await openStore(home);
    return await action(store);
  } finally {
    await rm(home, { recursive: true });
  }
}

const calls = await inStore((store) => listCalls(join(directory, 'calls'), () => fetch(store)));
const problems: string[] = [];
for (const fault of ['EIO', 'ENOSPC'] as const)
  for (let n = 1; n <= calls.length; n += 1)
    await inStore(async (store) => {
      arm({ n, fault });
      const outcome = await fetch(store);
      disarm();
      const left = readdirSync(store.paths.ingest);
      const again = await fetch(store);
      const isRight =
        ['fetched', fault === 'EIO' ? 'IO_FAILED' : 'NO_SPACE'].includes(outcome) &&
        left.length === 0 &&
        // Where nothing but the directory's fsync failed, it is there, and found to be right.
        (again === 'present' || (again === 'fetched' && outcome !== 'fetched'));
      if (!isRight) problems.push(`${fault} at ${calls[n - 1]}: ${outcome}, ${left}, ${again}`);
    });
process.stdout.write(JSON.stringify({ calls, problems }));
