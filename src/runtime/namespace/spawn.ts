/**
 * Starts a Node program in the strongest namespaces this machine allows: user, mount and pid.
 *
 * The process and everything it starts end when this process ends, even by SIGKILL: the kernel signals
 * `unshare` (parent death signal), `unshare` its child (--kill-child), and with that child, the first of
 * its pid namespace, the whole namespace goes. It has a session of its own: signals of the terminal do
 * not reach it, and TERM and INT sent to `unshare` are ignored; ask the program over its IPC channel to
 * end, and use `kill()` to force it.
 */

import { spawn } from 'node:child_process';
import { BuildError } from '../../errors/index.ts';
import { killGroup } from '../machine/helper.ts';
import { type Identity, isMapped, readIdentity } from '../machine/identity.ts';
import type { Tools } from '../machine/tools.ts';
import { subordinateMaps } from './id-ranges.ts';
import {
  isLaunched,
  type Launch,
  type Launched,
  type LaunchStdio,
  launchByMethod,
} from './launch.ts';
import {
  type ImpossibleMethod,
  isPossible,
  type Mapping,
  type NamespaceMethod,
  namespaceMethods,
} from './methods.ts';

/** What starting a namespace needs from its surroundings. */
export interface NamespaceDeps {
  readonly tools: Tools;
  /** The whole environment of the program; nothing else of this process's reaches it. */
  readonly env: Readonly<Record<string, string>>;
  /** Who this process is; read from /proc when absent. */
  readonly identity?: Identity;
}

/** What to start. */
export interface NamespaceRequest {
  /** The Node executable, the entry file and its arguments. */
  readonly command: readonly string[];
  /** `auto` takes the strongest that works; anything else insists. */
  readonly mapping?: Mapping | 'auto';
  /** Ids that have to exist inside: subordinate ids without them are passed over for the single id, which can take any number. */
  readonly ids?: readonly number[];
  /** Defaults: stdin ignored, stdout and stderr piped. A number is a descriptor of this process. */
  readonly stdio?: Partial<LaunchStdio>;
  /** How long one method may take before the next is tried; default 10 s. */
  readonly timeoutMilliseconds?: number;
}

/** A program in its namespaces. `child` has an IPC channel with advanced serialization. */
export interface NamespaceProcess extends Launched {
  readonly mapping: Mapping;
  /** How it was made, such as `newuidmap`; `plain` without any namespace. */
  readonly method: NamespaceMethod['name'] | 'plain';
  /** The ids inside and what they are outside, in words. */
  readonly idRange: string;
  readonly mountNamespace: boolean;
  /** Why each stronger method was not used, one sentence each. */
  readonly reasons: readonly string[];
  /**
   * Ends the program with everything that belongs to it. Killing `child` alone is not enough while the program is
   * being started: between its exec and the moment when it asks for a parent death signal it would live on.
   */
  kill(): void;
}

/**
 * Starts a program in namespaces. `child` is the caller's to end; read `stdout` and `stderr` from the
 * result, as `child.stderr` carries the messages of the launch.
 *
 * @throws BuildError `NAMESPACE_DENIED` when the mapping asked for cannot be had
 */
export async function spawnInNamespace(
  deps: NamespaceDeps,
  request: NamespaceRequest,
  signal?: AbortSignal,
): Promise<NamespaceProcess> {
  const wanted = request.mapping ?? 'auto';
  const identity = deps.identity ?? readIdentity();
  const launch: Launch = {
    tools: deps.tools,
    command: request.command,
    environment: deps.env,
    stdio: { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe', ...request.stdio },
    timeoutMilliseconds: request.timeoutMilliseconds ?? 10_000,
  };
  const reasons: string[] = [];
  for (const method of namespaceMethods(deps.tools, identity)) {
    if (wanted !== 'auto' && method.mapping !== wanted) continue;
    const missing = method.mapping === 'subuid' ? missingId(identity, request.ids) : undefined;
    if (missing !== undefined) {
      reasons.push(`${method.name}: there is no id ${missing} among the subordinate ones`);
      continue;
    }
    const result = await tryMethod(launch, method, signal);
    if ('child' in result) return withKill({ ...result, reasons });
    reasons.push(`${method.name}: ${result.reason}`);
  }
  if (wanted === 'auto' || wanted === 'none') return spawnPlain(launch, identity, reasons);
  throw denied(wanted, reasons);
}

function missingId(identity: Identity, ids: readonly number[] = []): number | undefined {
  const maps = subordinateMaps(identity);
  return typeof maps === 'string' ? undefined : ids.find((id) => !isMapped(maps.uid, id));
}

async function tryMethod(
  launch: Launch,
  method: NamespaceMethod | ImpossibleMethod,
  signal: AbortSignal | undefined,
): Promise<Omit<NamespaceProcess, 'reasons' | 'kill'> | { readonly reason: string }> {
  if (!isPossible(method)) return method;
  signal?.throwIfAborted();
  const result = await launchByMethod(launch, method, signal);
  // an abort that comes right after the launch finds a program that nobody would end any more
  if (signal?.aborted === true && isLaunched(result)) killGroup(result.child);
  signal?.throwIfAborted();
  if (!isLaunched(result)) return result;
  return {
    ...result,
    mapping: method.mapping,
    method: method.name,
    idRange: method.idRange,
    mountNamespace: true,
  };
}

/** Without namespaces only the parent death signal protects against leftovers. */
function spawnPlain(
  launch: Launch,
  identity: Identity,
  reasons: readonly string[],
): NamespaceProcess {
  const setpriv = launch.tools.find('setpriv');
  const guard = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  const [file = '', ...args] = [...guard, ...launch.command];
  const { stdin, stdout, stderr } = launch.stdio;
  const child = spawn(file, args, {
    stdio: [stdin, stdout, stderr, 'ipc'],
    serialization: 'advanced',
    env: { ...launch.environment, LC_ALL: 'C' },
    detached: true,
  });
  return withKill({
    child,
    stdout: child.stdout ?? undefined,
    stderr: child.stderr ?? undefined,
    freshProc: identity.ownProc,
    mapping: 'none',
    method: 'plain',
    idRange: `${identity.uid}`,
    mountNamespace: false,
    pidNamespace: false,
    reasons,
  });
}

function withKill(started: Omit<NamespaceProcess, 'kill'>): NamespaceProcess {
  return { ...started, kill: () => killGroup(started.child) };
}

function denied(mapping: Mapping, reasons: readonly string[]): BuildError {
  const why = reasons.length === 0 ? 'this user cannot have one' : reasons.join('; ');
  return new BuildError('NAMESPACE_DENIED', `no namespace with a ${mapping} id map: ${why}`, {
    origin: 'runtime',
    suggestion: 'run `s2oci doctor` to see what this machine allows and what would help',
  });
}
