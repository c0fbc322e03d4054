/**
 * What commands that touch root file systems share: the store, an agent that is starting meanwhile, and
 * the sweep of what killed runs left behind.
 */

import { type StartedAgent, startAgent } from '../agent/index.ts';
import type { Config } from '../config/index.ts';
import { BuildError } from '../errors/index.ts';
import { killLeftovers, searchTools } from '../runtime/index.ts';
import type { CheckTree, RemoveTree, Store } from '../store/index.ts';
import type { Invocation } from './command.ts';
import { compileCacheDirectory } from './compile-cache.ts';
import { openLocalStore } from './wiring.ts';

/** An open store with its agent. Disposing ends the agent. */
export interface Session extends AsyncDisposable {
  readonly store: Store;
  readonly agent: Promise<StartedAgent>;
}

/** How a session's agent is started. */
export interface SessionOptions {
  /** Scripts use the terminal of this process. */
  readonly inheritStdio?: boolean;
  /** Ids that the agent must be able to give to scripts. */
  readonly ids?: readonly number[];
}

/** Opens the store and starts the agent without waiting for it. */
export async function openSession(
  config: Config,
  invocation: Invocation,
  options: SessionOptions = {},
): Promise<Session> {
  const { io } = invocation;
  const store = await openLocalStore(config, invocation);
  const scratch = await store.createScratch();
  const unneeded = new AbortController();
  const agent = startAgent(
    { tools: searchTools(io.env['PATH']), env: agentEnvironment(io.env) },
    {
      home: config.values.home,
      stateDirectory: scratch.path,
      node: io.node,
      // what runs in place has nothing to do with namespaces
      ...(config.values.executor === 'in-builder' ? { mapping: 'none' as const } : {}),
      ...options,
    },
    AbortSignal.any([io.signal, unneeded.signal]),
  );
  const swept = agent.then((started) => sweepKilled(store, started)).catch(() => {});
  return {
    store,
    agent,
    [Symbol.asyncDispose]: async () => {
      // A command that was done before its agent was up does not wait for it, unless there is something to sweep.
      if ((await store.deadScratches()).length === 0)
        unneeded.abort(new BuildError('INTERRUPTED', 'the agent is not needed any more'));
      await swept;
      await agent.then((started) => started[Symbol.asyncDispose]()).catch(() => {});
      await scratch[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

/** The ids among users as they were typed, which an agent must have. */
export function idsOf(users: readonly (string | undefined)[]): readonly number[] {
  return users.flatMap((user = '') => {
    const [, id] = /^(\d{1,10})(?::|$)/.exec(user) ?? [];
    return id === undefined ? [] : [Number(id)];
  });
}

/** Runs `action` with an agent. */
export async function withAgent<T>(
  config: Config,
  invocation: Invocation,
  action: (agent: StartedAgent) => Promise<T>,
): Promise<T> {
  await using session = await openSession(config, invocation);
  return await action(await session.agent);
}

/** Ends what killed runs left running, where no pid namespace took it along, and then removes what they left. */
async function sweepKilled(store: Store, agent: StartedAgent): Promise<void> {
  for (const directory of await store.deadScratches()) await killLeftovers(directory);
  await store.sweep(treeRemover(agent));
}

/** Runs `action` with a way to remove trees that belong to subordinate ids. */
export function withTreeRemover<T>(
  config: Config,
  invocation: Invocation,
  action: (removeTree: RemoveTree) => Promise<T>,
): Promise<T> {
  return withAgent(config, invocation, (agent) => action(treeRemover(agent)));
}

/** Removes trees through the agent, which has the ids that they belong to. */
export function treeRemover(agent: StartedAgent): RemoveTree {
  return (path) => agent.call('removeTree', { path }).then(() => {});
}

/** Looks at stored root file systems through the agent, which may read them. */
export function treeChecker(agent: StartedAgent, signal: AbortSignal): CheckTree {
  return (path) => agent.call('checkTree', { path }, { signal }).then(({ problem }) => problem);
}

/** What of the environment the agent gets: where tools and temporary files are, never credentials. */
function agentEnvironment(env: Invocation['io']['env']): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'XDG_RUNTIME_DIR', 'LANG', 'S2OCI_AGENT_FAILPOINT'];
  const cache = compileCacheDirectory(env);
  return Object.fromEntries([
    ...names.flatMap((name) => {
      const value = env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
    ...(cache === undefined ? [] : [['NODE_COMPILE_CACHE', cache] as const]),
  ]);
}
