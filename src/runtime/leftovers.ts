/** What killed runs left behind, by what they recorded in their state directory. */

import { removeLeftGroups } from './cgroup/records.ts';
import { killMarked } from './machine/tag.ts';

/**
 * Ends the processes that a killed agent left behind, and removes its control groups. Processes are only ever left where no
 * pid namespace could be made.
 */
export async function killLeftovers(stateDirectory: string): Promise<void> {
  await removeLeftGroups(stateDirectory);
  await killMarked(stateDirectory);
}
