/** Limits of scripts: which one ended a run, and what held it. */

import type { RunResult } from '../agent/index.ts';
import { BuildError } from '../errors/index.ts';

const exceeded = {
  memory: {
    cgroup: 'used more memory than --memory allows, and was killed by the kernel (out of memory)',
    watch: 'used more memory than --memory allows, and was ended',
  },
  processes: {
    cgroup: 'wanted more processes than --pids-limit allows',
    watch: 'had more processes than --pids-limit allows, and was ended',
  },
} as const;

/**
 * Fails when a run was ended for a limit, or failed because of it.
 *
 * @param what the script or command that ran
 * @throws BuildError `RESOURCE_LIMIT`
 */
export function refuseLimit(
  what: string,
  { limit, keepers }: Pick<RunResult, 'limit' | 'keepers'>,
): void {
  if (limit === undefined) return;
  throw new BuildError('RESOURCE_LIMIT', `${what} ${exceeded[limit][keepers[limit] ?? 'watch']}`, {
    origin: 'builder',
    suggestion: `allow more with ${limit === 'memory' ? '--memory' : '--pids-limit'}`,
  });
}
