/**
 * A process of its own that uses a store, for tests of what happens between processes and of killed ones.
 * Usage: `node child.ts HOME ACTION [ARGUMENT...]`; prints a line when it has done what was asked.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asBuildError } from '../../src/errors/index.ts';
import { acquireLock, openStore, parseFailpoints, type Store } from '../../src/store/index.ts';
import { fetchAll, readList, useAsBuild } from './fixtures.ts';

const [, , home = '', action = '', ...args] = process.argv;
const failpoints = process.env['S2OCI_FAILPOINT'];

const actions: Readonly<Record<string, () => Promise<string>>> = {
  /** Takes a lock and keeps it: PATH. */
  hold: async () => {
    const lock = await acquireLock(args[0] ?? '');
    setTimeout(() => lock.release(), 60_000);
    return 'held';
  },
  /** Fetches every blob of a list, counting each download in a log: LIST LOG. */
  fetch: async () => {
    await using store = await open();
    return (await fetchAll(store, await readList(args[0] ?? ''), args[1] ?? '')).join(' ');
  },
  /** Holds a lease on every blob of a list: LIST. */
  lease: async () => {
    const store = await open();
    const lease = await store.acquireLease();
    await lease.add((await readList(args[0] ?? '')).map(({ digest }) => digest));
    setTimeout(() => void lease.release(), 60_000);
    return 'leased';
  },
  /** Makes a scratch directory with a file in it and stays. */
  scratch: async () => {
    const store = await open();
    const scratch = await store.createScratch();
    await writeFile(join(scratch.path, 'file'), 'x');
    setTimeout(() => void scratch[Symbol.asyncDispose](), 60_000);
    return scratch.path;
  },
  /** Does everything a build does to a store: LIST LOG KEY. */
  build: async () => {
    await using store = await open();
    await useAsBuild(store, await readList(args[0] ?? ''), args[1] ?? '', args[2] ?? '');
    return 'built';
  },
  /** Evicts everything that is not used. */
  prune: async () => {
    await using store = await open();
    return JSON.stringify(await store.prune());
  },
};

async function open(): Promise<Store> {
  const kill = () => process.kill(process.pid, 'SIGKILL');
  return openStore(
    home,
    failpoints === undefined ? {} : { failpoint: parseFailpoints(failpoints, kill) },
  );
}

try {
  const run = actions[action];
  if (run === undefined) throw new Error(`no such action: ${action}`);
  process.stdout.write(`${await run()}\n`);
} catch (error) {
  const { code, message, exitCode } = asBuildError(error);
  process.stderr.write(`${code} ${message}\n`);
  process.exitCode = exitCode;
}
