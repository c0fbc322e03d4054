/** Keeps workers busy that are slower than their reader only some of the time. */

/**
 * Yields `work(item)` for each item in order. Up to `ahead` results are in work or wait to be taken, and work goes on
 * while the reader is busy with something else. A reader that stops early ends `items` too.
 */
export async function* mapAhead<In, Out>(
  items: AsyncIterable<In>,
  ahead: number,
  work: (item: In) => Promise<Out>,
): AsyncGenerator<Out> {
  const results: Promise<Out>[] = [];
  let [ended, stopped] = [false, false];
  let changed = Promise.withResolvers<void>();
  const wake = () => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const start = async () => {
    for await (const item of items) {
      const result = work(item);
      // A failure is seen when its turn comes; until then it must not count as unhandled.
      result.catch(() => {});
      results.push(result);
      wake();
      while (results.length >= ahead && !stopped) await changed.promise;
      if (stopped) break;
    }
  };
  const started = start().finally(() => {
    ended = true;
    wake();
  });
  started.catch(() => {});
  try {
    for (;;) {
      const next = results.shift();
      wake();
      if (next !== undefined) yield await next;
      else if (ended) break;
      else await changed.promise;
    }
    await started;
  } finally {
    stopped = true;
    wake();
  }
}
