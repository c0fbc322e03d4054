/** Removing trees: modes, depth, names, mounts, and nothing beside them. */

import { runInside } from './support/namespace.ts';

for (const mapping of ['full', 'single'] as const) await runInside('remove-tree', mapping);
