/** Probes that do what a build would do, all at once. */

import { mkdirSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asBuildError } from '../../errors/index.ts';
import type { Tools } from '../machine/tools.ts';
import type { LaunchFailure } from '../namespace/handshake.ts';
import { isLaunched, launchByMethod } from '../namespace/launch.ts';
import {
  type ImpossibleMethod,
  isPossible,
  type NamespaceMethod,
  namespaceMethods,
} from '../namespace/methods.ts';
import { type NamespaceProcess, spawnInNamespace } from '../namespace/spawn.ts';
import type { Facts } from './facts.ts';
import type { ProbeAnswer, ProbeQuestion } from './probe-protocol.ts';

/** What active probes need. */
export interface ActiveDeps {
  readonly tools: Tools;
  /** The Node that runs the probe process. */
  readonly node: string;
  /** Where builds keep their scratch. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where Node keeps compiled code; the probe process starts faster with it. */
  readonly compileCache?: string | undefined;
}

/** How one way to make a namespace turned out. */
export interface MethodResult {
  readonly name: NamespaceMethod['name'];
  /** Absent when it works. */
  readonly failure?: LaunchFailure;
}

/** What the probe process found inside the best namespace. */
export interface InsideResult {
  readonly namespace: Pick<
    NamespaceProcess,
    'mapping' | 'method' | 'idRange' | 'freshProc' | 'pidNamespace'
  >;
  /** Absent with `problem`. */
  readonly answer?: ProbeAnswer;
  readonly problem?: string;
}

const timeLimit = 5000;

/** podman finds its storage and helpers by these. */
function podmanEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const names = ['HOME', 'PATH', 'XDG_RUNTIME_DIR'];
  return Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
}

/**
 * Tries every way to make a namespace that this process could take. podman is slow, and gives what newuidmap gives: it
 * is asked only where that one is refused.
 */
export async function probeMethods(
  { tools, env }: ActiveDeps,
  facts: Facts,
  signal?: AbortSignal,
): Promise<readonly MethodResult[]> {
  const launch = {
    tools,
    command: [tools.find('true') ?? 'true'],
    environment: podmanEnvironment(env),
    stdio: { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
    timeoutMilliseconds: timeLimit,
  } as const;
  const probe = async (method: NamespaceMethod | ImpossibleMethod): Promise<MethodResult> => {
    const { name } = method;
    if (!isPossible(method)) return { name, failure: { reason: method.reason } };
    const result = await launchByMethod(launch, method, signal);
    return isLaunched(result) ? { name } : { name, failure: result };
  };
  const methods = namespaceMethods(tools, facts.identity);
  const quick = new Map(
    methods
      .filter(({ name }) => name !== 'podman-unshare')
      .map((method) => [method.name, probe(method)] as const),
  );
  const newuidmap = await quick.get('newuidmap');
  return await Promise.all(
    methods.map((method) => {
      if (method.name !== 'podman-unshare') return quick.get(method.name) ?? probe(method);
      const needless = newuidmap !== undefined && newuidmap.failure === undefined;
      return needless
        ? { name: method.name, failure: { reason: 'newuidmap works' } }
        : probe(method);
    }),
  );
}

/** Probes executors and storage from inside the namespaces a build would get. */
export async function probeInside(deps: ActiveDeps, signal?: AbortSignal): Promise<InsideResult> {
  const entry = new URL(`./probe-main${extname(import.meta.url)}`, import.meta.url);
  const command = [deps.node, '--disable-warning=ExperimentalWarning', fileURLToPath(entry)];
  const stdio = { stdout: 'ignore', stderr: 'ignore' } as const;
  const env = deps.compileCache === undefined ? {} : { NODE_COMPILE_CACHE: deps.compileCache };
  const started = await spawnInNamespace({ tools: deps.tools, env }, { command, stdio }, signal);
  const { child, mapping, method, idRange, freshProc, pidNamespace } = started;
  const namespace = { mapping, method, idRange, freshProc, pidNamespace };
  const limit = setTimeout(started.kill, 4 * timeLimit);
  try {
    mkdirSync(deps.directory, { recursive: true });
    const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
    child.once('message', (message) => resolve(message as ProbeAnswer));
    child.once('error', reject);
    child.once('exit', () => reject(new Error('the probe process ended without an answer')));
    child.send({ directory: deps.directory, path: deps.env['PATH'] } satisfies ProbeQuestion);
    return { namespace, answer: await promise };
  } catch (error) {
    return { namespace, problem: asBuildError(error).message };
  } finally {
    clearTimeout(limit);
    if (child.connected) child.disconnect();
    else started.kill();
  }
}
