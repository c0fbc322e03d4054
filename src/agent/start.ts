/** Starts an agent in the strongest namespaces that this machine allows, and connects to it. */

import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BuildError } from '../errors/index.ts';
import { digestOf, hexOf } from '../model/index.ts';
import {
  type Mapping,
  type NamespaceDeps,
  type NamespaceProcess,
  readIdentity,
  spawnInNamespace,
} from '../runtime/index.ts';
import { type Agent, AgentProcess } from './client.ts';
import type { AgentIdMapping } from './protocol.ts';

/** What an agent is started with. */
export interface AgentOptions {
  /** Directory of the local state. */
  readonly home: string;
  /** A private directory, locked by the caller while the agent lives. */
  readonly stateDirectory: string;
  /** The Node that runs the agent. */
  readonly node: string;
  /** `auto` takes the strongest id mapping that works. */
  readonly mapping?: Mapping | 'auto';
  /** Ids that scripts have to be; see `NamespaceRequest`. */
  readonly ids?: readonly number[];
  /** Whether scripts run with `inherit` use the terminal of this process. */
  readonly inheritStdio?: boolean;
}

/** An agent with what is known about its namespaces. */
export interface StartedAgent extends Agent {
  readonly namespace: Pick<NamespaceProcess, 'mapping' | 'method' | 'idRange' | 'reasons'>;
}

/**
 * Starts an agent. It dies with this process, and everything it started dies with it.
 *
 * @throws BuildError `NAMESPACE_DENIED` when a mapping is insisted on, `RUNTIME_FAILED` when the agent does not come up
 */
export async function startAgent(
  deps: NamespaceDeps,
  options: AgentOptions,
  signal?: AbortSignal,
): Promise<StartedAgent> {
  const entry = fileURLToPath(new URL(`./agent-main${extname(import.meta.url)}`, import.meta.url));
  const stdio = options.inheritStdio === true ? ({ stdin: 0, stdout: 1, stderr: 2 } as const) : {};
  const namespace = await spawnInNamespace(
    deps,
    {
      command: [options.node, '--disable-warning=ExperimentalWarning', entry],
      mapping: options.mapping ?? 'auto',
      ids: options.ids ?? [],
      stdio,
    },
    signal,
  );
  namespace.stdout?.resume();
  const lastWords = keepTail(namespace.stderr);
  const start = {
    home: options.home,
    stateDirectory: options.stateDirectory,
    env: deps.env,
    program: [options.node, entry],
    idMapping: idMappingOf(namespace),
  };
  // An agent that is still loading does not listen yet.
  const kill = () => namespace.kill();
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const agent = await AgentProcess.connect(namespace.child, start, signal);
    return Object.assign(agent, { namespace });
  } catch (error) {
    kill();
    const words = await lastWords();
    signal?.throwIfAborted();
    if (words === '') throw error;
    throw new BuildError('RUNTIME_FAILED', `the agent did not start: ${words}`, {
      cause: error,
      origin: 'runtime',
    });
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/**
 * Files on disk have different owners under different mappings, so stored trees are kept apart by its key.
 * Where no map was made, this process's own ids and rights decide.
 */
function idMappingOf({
  mapping,
  idRange,
}: Pick<NamespaceProcess, 'mapping' | 'idRange'>): AgentIdMapping {
  if (mapping === 'subuid') {
    return { kind: 'full', key: `subuid-${hexOf(digestOf(idRange)).slice(0, 12)}` };
  }
  const { uidMap, effective } = readIdentity();
  const ids = uidMap.reduce((sum, { count }) => sum + count, 0);
  const full = mapping !== 'single' && ids > 1 && effective.includes('CAP_CHOWN');
  return full ? { kind: 'full', key: 'root' } : { kind: 'single', key: 'single' };
}

const tailBytes = 4096;

/** How long the last words of an agent that was ended may take. */
const drainMilliseconds = 1000;

/** Keeps the end of a text; what is returned waits for the end of the stream first. */
function keepTail(stream: Readable | undefined): () => Promise<string> {
  let tail = '';
  const closed = Promise.withResolvers<void>();
  if (stream === undefined) closed.resolve();
  stream?.once('close', closed.resolve);
  stream?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-tailBytes);
  });
  return async () => {
    await Promise.race([closed.promise, sleep(drainMilliseconds, undefined, { ref: false })]);
    return tail.trim();
  };
}
