/** L01, L03, L05: the agent killed, or a call of it failing, at each of its failpoints in turn. */

import t from 'tap';
import { runInside } from '../layer/support/namespace.ts';

t.setTimeout(900_000);
await runInside('crash', 'full', new URL('./inside/', import.meta.url), 900_000);
