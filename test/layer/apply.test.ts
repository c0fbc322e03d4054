/** Applying layers and the public calls, as the root of a user namespace with a full and with a single id map. */

import { runInside } from './support/namespace.ts';

for (const mapping of ['full', 'single'] as const)
  for (const name of ['attributes', 'hostile', 'changesets', 'threads'])
    await runInside(name, mapping);
