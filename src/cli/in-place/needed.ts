/** Finds out, once the agent is there, that a build can only be one in place. */

import type { StartedAgent } from '../../agent/index.ts';
import type { BuildRequest } from '../../pipeline/index.ts';

/** Nothing but in-builder works here, which takes a build of another kind. */
export class InPlaceNeeded extends Error {
  constructor() {
    super('only in-builder works here');
  }
}

/** Who builder images usually run as. */
const imageUser = { uid: 1001, gid: 0, additionalGids: [] };

/**
 * Passes the agent on, unless no executor but in-builder would serve it.
 *
 * @throws InPlaceNeeded; what choosing an executor throws is left to the build
 */
export async function unlessInPlace(
  agent: StartedAgent,
  { executor, network, minIsolation }: BuildRequest,
  signal: AbortSignal,
): Promise<StartedAgent> {
  if (executor !== undefined || agent.namespace.mapping !== 'none') return agent;
  const wanted = {
    user: imageUser,
    network,
    ...(minIsolation === undefined ? {} : { minIsolation }),
  };
  const choice = await agent.call('chooseRuntime', wanted, { signal });
  if (choice.executor === 'in-builder') throw new InPlaceNeeded();
  return agent;
}
