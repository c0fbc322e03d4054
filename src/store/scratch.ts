/**
 * Scratch directories of builds, `builds/<id>/`. Each is locked by its owner from before it appears;
 * one whose lock is free has lost its owner and is swept.
 */

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreContext } from './context.ts';
import { fileError, type RemoveTree, randomName, removeOwnTree } from './files.ts';
import { acquireLock, type KernelLock, tryLock } from './lock.ts';

/** A private directory of one build. Disposing it removes it as far as this process may. */
export class Scratch implements AsyncDisposable {
  readonly id: string;
  readonly path: string;
  readonly #lock: KernelLock;

  constructor(id: string, path: string, lock: KernelLock) {
    this.id = id;
    this.path = path;
    this.#lock = lock;
  }

  /** Removes the directory with everything in it and gives it up. */
  async remove(removeTree: RemoveTree): Promise<void> {
    await removeTree(this.path);
    await this.#lock.remove();
  }

  /** Gives the directory up as it is; the next sweep removes what could not be removed now. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeOwnTree(this.path).catch(() => {});
    await this.#lock.remove();
  }
}

/** Makes a scratch directory and keeps it locked while this process lives. */
export async function createScratch(context: StoreContext): Promise<Scratch> {
  const id = randomName();
  const path = join(context.paths.builds, id);
  const lock = await acquireLock(context.paths.lock('build', id));
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    await lock.remove();
    throw await fileError(error, 'cannot make a directory for the build', context.paths.builds);
  }
  return new Scratch(id, path, lock);
}

/** Lists the scratch directories whose owner is gone. */
export async function deadScratches(context: StoreContext): Promise<readonly string[]> {
  const dead: string[] = [];
  await eachDead(context, async (path) => {
    dead.push(path);
  });
  return dead;
}

/** Removes the scratch directories whose owner is gone. */
export async function sweepScratches(context: StoreContext, removeTree: RemoveTree): Promise<void> {
  await eachDead(context, async (path, lock) => {
    await removeTree(path);
    await lock.remove();
  });
}

async function eachDead(
  context: StoreContext,
  action: (path: string, lock: KernelLock) => Promise<void>,
): Promise<void> {
  for (const id of await readdir(context.paths.builds)) {
    using lock = await tryLock(context.paths.lock('build', id));
    if (lock !== undefined) await action(join(context.paths.builds, id), lock);
  }
}
