/**
 * Leases: what a running build names in one is not evicted while the build lives.
 *
 * A lease is a file of names, one a line, under a lock that is taken before the file appears; it ends when
 * the lock is free. The rule that makes eviction safe: name it first, then look whether it is there.
 * Naming and evicting exclude each other by the gate.
 */

import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreContext } from './context.ts';
import { fileError, randomName, unlinkIfAny } from './files.ts';
import { acquireLock, type KernelLock, type LockMode, tryLock } from './lock.ts';
import type { StorePaths } from './paths.ts';

const gateTimeoutMs = 60_000;

/** Protects blobs (by digest) and root file systems (by key) as long as it is held. */
export class Lease implements AsyncDisposable {
  readonly #context: StoreContext;
  readonly #file: string;
  readonly #names = new Set<string>();
  #lock: KernelLock | undefined;

  constructor(context: StoreContext, file: string, lock: KernelLock | undefined) {
    this.#context = context;
    this.#file = file;
    this.#lock = lock;
  }

  /**
   * Protects the named things from now on, whether or not they are there yet. Look for them only
   * afterwards: what was seen before may be gone.
   */
  async add(names: Iterable<string>): Promise<void> {
    const fresh = [...new Set(names)].filter((name) => !this.#names.has(name));
    if (fresh.length === 0 || this.#lock === undefined) return;
    const { paths } = this.#context;
    // The first line ends what a full disk may have cut off.
    const lines = ['', ...fresh, ''].join('\n');
    try {
      await withGate(this.#context, 'shared', async () => {
        await appendFile(this.#file, lines);
      });
    } catch (error) {
      throw await fileError(error, 'cannot write a lease', paths.leases);
    }
    for (const name of fresh) this.#names.add(name);
  }

  /** Ends the lease. Idempotent. */
  async release(): Promise<void> {
    const lock = this.#lock;
    if (lock === undefined) return;
    this.#lock = undefined;
    // One that stays without its lock is swept.
    await unlinkIfAny(this.#file).catch(() => {});
    await lock.remove();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** Begins an empty lease. On a read-only store nothing can be evicted, and the lease does nothing. */
export async function acquireLease(context: StoreContext): Promise<Lease> {
  const id = randomName();
  const file = join(context.paths.leases, id);
  if (context.readOnly) return new Lease(context, file, undefined);
  try {
    return new Lease(context, file, await acquireLock(context.paths.lock('lease', id)));
  } catch (error) {
    throw await fileError(error, 'cannot begin a lease', context.paths.leases);
  }
}

/** Runs `action` inside the gate: leases are extended in its shared mode, evictions happen in its exclusive one. */
export async function withGate<T>(
  context: StoreContext,
  mode: LockMode,
  action: () => Promise<T>,
): Promise<T> {
  using _ = await acquireLock(context.paths.gate, {
    mode,
    timeoutMs: gateTimeoutMs,
    what: 'the gate of the local store',
  });
  return await action();
}

/** Returns every name that a living lease protects, and removes dead leases. Call it inside the gate. */
export async function leasedNames({ paths }: StoreContext): Promise<ReadonlySet<string>> {
  await sweepLeases(paths);
  const names = new Set<string>();
  for (const id of await readdir(paths.leases)) {
    const text = await readFile(join(paths.leases, id), 'utf8').catch(() => '');
    for (const name of text.split('\n')) names.add(name);
  }
  return names;
}

/** Removes the leases whose holders are gone. What cannot be told counts as held. */
export async function sweepLeases(paths: StorePaths): Promise<void> {
  for (const id of await readdir(paths.leases)) {
    const lock = await tryLock(paths.lock('lease', id)).catch(() => undefined);
    if (lock === undefined) continue;
    await unlinkIfAny(join(paths.leases, id));
    await lock.remove();
  }
}
