/** Capturing changes, as the root of a user namespace with a full and with a single id map. */

import { runInside } from './support/namespace.ts';

for (const mapping of ['full', 'single'] as const)
  for (const name of ['capture-cases', 'capture-property']) await runInside(name, mapping);
