/** L01, L03, L05: the agent killed, or a call of it failing, at each change that it makes to a disk in turn. */

import t from 'tap';
import { runInside } from '../layer/support/namespace.ts';
import { withFaults } from '../support/faults/sweep.ts';

const timeout = process.env['S2OCI_SWEEP'] === undefined ? 600_000 : 20_000_000;
t.setTimeout(timeout);
await runInside('crash', 'full', {
  folder: new URL('./inside/', import.meta.url),
  timeout,
  node: withFaults,
});
