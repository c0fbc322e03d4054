/**
 * fast-check with a seed that can be set: `npm test` gives every run the same one, so that it proves the
 * same thing each time; a file run alone explores, and `FAST_CHECK_SEED` repeats what it found.
 */

import fc from 'fast-check';

/** The seed of this process. */
export const seed = Number(process.env['FAST_CHECK_SEED'] ?? Date.now() % 2 ** 31);

fc.configureGlobal({ seed });

export { fc };
