/**
 * A control group that belongs to a user, as systemd gives one to a session. Where version 1 has the controllers
 * (a hybrid machine), version 2 gets those that version 1 does not use, for as long as the group is there.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A group with the controllers pids and cpu. Disposing removes it and all in it, and gives the controllers back. */
export interface DelegatedGroup extends AsyncDisposable {
  readonly directory: string;
  /** Starts a command in the one group that is there at first. */
  readonly enter: readonly string[];
  /** The groups that were made since, as directories. */
  groups(): Promise<readonly string[]>;
}

const script = fileURLToPath(new URL('./lend-controllers.sh', import.meta.url));

const enterScript = 'echo 0 >"$1" && shift && exec "$@"';

/** Makes a group; takes root. */
export async function openDelegatedGroup(owner: {
  readonly uid: number;
  readonly gid: number;
}): Promise<DelegatedGroup> {
  // a session of its own: what ends the tests does not end what restores the machine
  const lock = join('/run/lock', 's2oci-test-control-groups');
  const lender = spawn('sh', [script, lock, `${owner.uid}:${owner.gid}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(lender, 'exit');
  const ready = once(lender.stdout, 'data').then(([text]) => String(text).trim());
  const directory = await Promise.race([ready, ended.then(([code]) => Number(code))]);
  if (typeof directory === 'number')
    throw new Error(
      `no control group can be lent (exit code ${directory}): see above; it takes root`,
    );
  return {
    directory,
    enter: ['sh', '-c', enterScript, 'sh', join(directory, 'work/cgroup.procs')],
    groups: async () => {
      const entries = await readdir(directory, { withFileTypes: true });
      const made = entries.filter((entry) => entry.isDirectory() && entry.name !== 'work');
      return made.map(({ name }) => join(directory, name));
    },
    [Symbol.asyncDispose]: async () => {
      lender.stdin.end();
      const [code] = await ended;
      if (code !== 0) throw new Error('the controllers could not be given back: see above');
    },
  };
}
