/** L01, L03, L05: commands as they are typed, killed or failing at each change that they make to a disk in turn. */

import t from 'tap';
import { runInside } from '../layer/support/namespace.ts';
import { builderImage } from '../support/images.ts';

const timeout = process.env['S2OCI_SWEEP'] === undefined ? 600_000 : 20_000_000;
t.setTimeout(timeout);
const { reference } = await builderImage('busybox');
const folder = new URL('./inside/', import.meta.url);
await runInside('crash', 'full', { folder, timeout, arguments: [reference] });
