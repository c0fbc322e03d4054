/** Limits of scripts: which one ended a run, and how firmly they hold. */

import type { RunResult } from '../agent/index.ts';
import { BuildError } from '../errors/index.ts';
import type { ProcessLimits } from '../runtime/index.ts';

const exceeded = {
  memory: 'used more memory than --memory allows',
  processes: 'had more processes than --pids-limit allows',
} as const;

/**
 * Fails when a run was ended for a limit.
 *
 * @param what the script or command that ran
 * @throws BuildError `RESOURCE_LIMIT`
 */
export function refuseLimit(what: string, { limit }: Pick<RunResult, 'limit'>): void {
  if (limit === undefined) return;
  throw new BuildError('RESOURCE_LIMIT', `${what} ${exceeded[limit]}, and was ended`, {
    origin: 'builder',
    suggestion: `allow more with ${limit === 'memory' ? '--memory' : '--pids-limit'}`,
  });
}

/** Says in words how limits fall short of those of a control group, which s2oci does not make. */
export function limitNotes({ memory, processes, cpus }: ProcessLimits): readonly string[] {
  return [
    ...(memory === undefined && processes === undefined
      ? []
      : [
          'memory and processes are watched every quarter of a second, not walled in by a control group: what is quicker gets further',
        ]),
    ...(cpus === undefined || Number.isInteger(cpus)
      ? []
      : [`--cpus ${cpus} counts as ${Math.ceil(cpus)}: whole processors are given`]),
  ];
}
