/** Records of the groups that a process made, in its state directory: by them the next run removes what a killed one left. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type GroupRecords, removeRecorded } from './group.ts';

const prefix = 'cgroup-';

/** Keeps records in a state directory. */
export function recordsIn(stateDirectory: string): GroupRecords {
  const fileOf = (directory: string) => join(stateDirectory, `${prefix}${basename(directory)}`);
  return {
    add: (directory) => writeFileSync(fileOf(directory), directory, { mode: 0o600 }),
    remove: (directory) => rmSync(fileOf(directory), { force: true }),
  };
}

/** Removes the groups that are recorded in an abandoned state directory, with whatever still runs in them. */
export async function removeLeftGroups(stateDirectory: string): Promise<void> {
  const records = recordsIn(stateDirectory);
  for (const name of readdirSync(stateDirectory)) {
    if (!name.startsWith(prefix)) continue;
    await removeRecorded(readFileSync(join(stateDirectory, name), 'utf8'), records);
  }
}
