/** Work side by side that ends together. */

/**
 * Runs two pieces of work at once. When one fails the other is told to stop, and the failure is thrown
 * only after both have ended: nothing goes on behind the caller's back.
 */
export async function both<A, B>(
  signal: AbortSignal,
  first: (signal: AbortSignal) => Promise<A>,
  second: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const controller = new AbortController();
  const linked = AbortSignal.any([signal, controller.signal]);
  let failure: { readonly error: unknown } | undefined;
  const guard = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await work(linked);
    } catch (error) {
      failure ??= { error };
      controller.abort(error);
      throw error;
    }
  };
  const [a, b] = await Promise.allSettled([guard(first), guard(second)]);
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value];
  throw failure?.error;
}
