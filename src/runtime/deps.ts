/** What every executor needs from its surroundings. */

import type { Identity } from './machine/identity.ts';
import type { Tools } from './machine/tools.ts';

/** Surroundings of the executors: the agent's. */
export interface RuntimeDeps {
  readonly tools: Tools;
  /** Who the agent is to the kernel. */
  readonly identity: Identity;
  /**
   * A directory of the agent's own (mode 0700) for bundles, runtime state and probe root filesystems,
   * on a file system that allows execution. Executors remove what they put there.
   */
  readonly stateDirectory: string;
}
