/** Overlay mounts of workspaces, as the root of a user namespace. */

import { runInside } from '../layer/support/namespace.ts';

await runInside('overlay', 'single', {
  folder: new URL('./inside/', import.meta.url),
});
