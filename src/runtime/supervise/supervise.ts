/**
 * Runs one executor command so that nothing of it survives.
 *
 * Where the agent may make namespaces the command is the first process of a pid namespace of its own:
 * when it ends, or is killed, the kernel kills all its descendants and waits for them before the exit is
 * seen, daemons that hold stdout included. Elsewhere a mark on the processes finds leftovers, and a control group, where there is one. Messages of the
 * launch are told from the process's own stderr by a pipe that the launching shell gives up.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { kill } from 'node:process';
import type { Readable } from 'node:stream';
import { BuildError } from '../../errors/index.ts';
import type { RuntimeDeps } from '../deps.ts';
import { inheritableDescriptors } from '../machine/descriptors.ts';
import {
  type Collected,
  collect,
  helperEnvironment,
  killGroup,
  settleWithin,
} from '../machine/helper.ts';
import { entryOfChild, namespaceInitOf } from '../machine/processes.ts';
import { createTag } from '../machine/tag.ts';
import { type Watchdog, watchFamily } from '../machine/watchdog.ts';
import type { ExitStatus, RunStdio } from '../ports.ts';
import {
  commandLine,
  type ExtraDescriptor,
  firstExtraDescriptor,
  isIsolated,
  type SupervisedCommand,
} from './command.ts';
import { connectNetwork } from './network.ts';

/** How a supervised command ended. */
export interface SupervisedExit {
  readonly code: number;
  /** The command itself was reached; otherwise the launch failed. */
  readonly started: boolean;
  readonly limit?: NonNullable<ExitStatus['limit']>;
  /** What the tools of the launch said. */
  readonly messages: string;
  /** Texts of the `output` descriptors, in their order. */
  readonly outputs: readonly string[];
}

/** Runs a command to its end; aborting kills its whole process tree before this settles. */
export async function supervise(
  deps: RuntimeDeps,
  command: SupervisedCommand,
  stdio: RunStdio,
  signal?: AbortSignal,
): Promise<SupervisedExit> {
  signal?.throwIfAborted();
  refuseLeaks();
  const { extra = [] } = command;
  const tag = isIsolated(deps, command) ? undefined : createTag(deps);
  const [file = '', ...args] = [...(tag?.prefix ?? []), ...commandLine(deps, command)];
  const child = spawn(file, args, {
    stdio: [stdio.stdin, stdio.stdout, 'pipe', 'pipe', stdio.stderr, ...extra.map(stdioOf)],
    env: { ...(command.environment ?? helperEnvironment) },
    ...(command.directory === undefined ? {} : { cwd: command.directory }),
    detached: true,
  });
  const end = settled(child, signal);
  const messages = collect(child.stderr as Readable);
  const report = collect(streamAt(child, 3));
  const outputs = feed(child, extra);
  await using network = await connectNetwork(deps, child, command.network, end);
  using watchdog = watch(child, command);
  const code = await end;
  command.group?.kill();
  await tag?.killAll();
  // who held the other ends is dead, so what was written arrives now, and then the end
  await settleWithin(drainTime, [messages, report, ...outputs]);
  for (const stream of child.stdio) stream?.destroy();
  const started = report.text().endsWith('started');
  const said = network.failure ?? messages.text().trim();
  return {
    code: signal?.aborted === true || lostKill(code, started, said) ? killedCode : code,
    started,
    ...(watchdog?.reached === undefined ? {} : { limit: watchdog.reached }),
    messages: said,
    outputs: outputs.map((output) => output.text()),
  };
}

/** How long the last words of a command may take. */
const drainTime = 500;

const killedCode = 128 + constants.signals.SIGKILL;

/** unshare passes on the signal that ended its child, except SIGKILL: there it fails, and says so. */
function lostKill(code: number, started: boolean, messages: string): boolean {
  return started && code === 1 && messages.includes('unshare: ');
}

/** The exit status of a command whose own exit code is that of the process. */
export function statusOf(exit: SupervisedExit, failure?: string): ExitStatus {
  if (exit.limit !== undefined) return { code: killedCode, limit: exit.limit };
  if (failure !== undefined) return { code: exit.code, runtimeFailure: failure };
  if (exit.started) return { code: exit.code };
  return { code: exit.code, runtimeFailure: exit.messages || `launch ended with ${exit.code}` };
}

function watch(
  child: ChildProcess,
  { limits: { memory, processes } = {}, group }: SupervisedCommand,
): Watchdog | undefined {
  const refusals = group?.refusals;
  const isWatched = [memory, processes, refusals].some((limit) => limit !== undefined);
  if (!isWatched) return undefined;
  const root = child.pid === undefined ? undefined : entryOfChild(child.pid)?.pids[0];
  return root === undefined
    ? undefined
    : watchFamily(root, { memory, processes, refusals }, () => killTree(child));
}

function refuseLeaks(): void {
  const leaking = inheritableDescriptors();
  if (leaking.length === 0) return;
  throw new BuildError(
    'RUNTIME_FAILED',
    `descriptors ${leaking.join(', ')} of this process would reach the sandbox`,
    { origin: 'runtime', suggestion: 'close them before running anything' },
  );
}

function stdioOf(extra: ExtraDescriptor): 'pipe' | number {
  return extra.kind === 'inherited' ? extra.descriptor : 'pipe';
}

function streamAt(child: ChildProcess, descriptor: number): Readable {
  return (child.stdio as readonly unknown[])[descriptor] as Readable;
}

function feed(child: ChildProcess, extra: readonly ExtraDescriptor[]): readonly Collected[] {
  const outputs: Collected[] = [];
  for (const [index, item] of extra.entries()) {
    if (item.kind === 'inherited') continue;
    const stream = (child.stdio as readonly unknown[])[firstExtraDescriptor + index] as Readable &
      NodeJS.WritableStream;
    stream.on('error', () => {}); // the command may end without reading everything
    if (item.kind === 'input') stream.end(item.bytes);
    else outputs.push(collect(stream));
  }
  return outputs;
}

async function settled(child: ChildProcess, signal: AbortSignal | undefined): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('exit', (code, name) => resolve(code ?? 128 + constants.signals[name ?? 'SIGKILL']));
  const abort = () => killTree(child);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } catch (error) {
    throw new BuildError('RUNTIME_FAILED', `starting an executor: ${(error as Error).message}`, {
      cause: error,
      origin: 'runtime',
    });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * Kills the first process of the pid namespace, so that unshare, which waits for it, ends only when the
 * namespace is empty. Falls back to the process group when there is no namespace yet.
 */
function killTree(child: ChildProcess): void {
  const init = child.pid === undefined ? undefined : namespaceInitOf(child.pid);
  if (init === undefined) {
    killGroup(child);
    return;
  }
  try {
    kill(init, 'SIGKILL');
  } catch {
    killGroup(child);
  }
  setTimeout(() => killGroup(child), 1000).unref();
}
