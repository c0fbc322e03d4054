/** What the parts of one opened store share. */

import type { Failpoint } from './failpoint.ts';
import type { StorePaths } from './paths.ts';

/** Paths, ports and settings of an opened store. */
export interface StoreContext {
  readonly paths: StorePaths;
  readonly failpoint: Failpoint;
  /** Milliseconds since the epoch; only orders what is evicted first, nothing is safe or unsafe by it. */
  readonly now: () => number;
  /** How long to wait for another process that makes what is wanted; milliseconds. */
  readonly lockTimeoutMs: number;
  /** The state can be read but not changed. */
  readonly readOnly: boolean;
  /** Writes everything of the file system that holds `path` to the disk. */
  readonly syncFileSystem: (path: string) => Promise<void>;
}
