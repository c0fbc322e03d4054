/** Mutual exclusion by name, inside one process. */

/** Runs tasks of the same key one after the other, in the order in which they came. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `task` when every earlier task of this key has settled. */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const previous = this.#tails.get(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#tails.set(key, promise);
    try {
      await previous;
      return await task();
    } finally {
      resolve();
      if (this.#tails.get(key) === promise) this.#tails.delete(key);
    }
  }
}
