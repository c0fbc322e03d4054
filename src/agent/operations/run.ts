/**
 * Runs one process in a workspace: prepares what is mounted for the run only, connects its output, picks
 * the runtime, enforces the time limit, and takes away every trace of the preparations.
 */

import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { BuildError } from '../../errors/index.ts';
import type { RunMount, RunSpec, RunStdio, Runtime } from '../../runtime/index.ts';
import { chooseRuntime } from '../../runtime/index.ts';
import { prepareMountPoints } from '../mount-points.ts';
import { mountNameResolution } from '../name-resolution.ts';
import type { RunRequest, RunResult } from '../protocol.ts';
import type { OperationContext } from '../server.ts';
import { openOutputPipes } from '../stdio.ts';
import type { Workspace } from '../workspace.ts';

/** What the operation needs besides its input. */
export interface RunDeps {
  readonly runtimes: readonly Runtime[];
  /** Under a single id, builds that expect root get an emulation of it. */
  readonly singleId: boolean;
}

/** How long output is still read after the process itself has ended. */
const drainMilliseconds = 2000;

/** Runs a process to its end and returns how it ended. */
export async function runProcess(
  deps: RunDeps,
  workspace: Workspace,
  request: RunRequest,
  context: OperationContext,
): Promise<RunResult> {
  const { network } = request;
  const wanted = { ...request.runtime, network };
  const choice = await chooseRuntime(deps.runtimes, wanted, context.signal);
  const mounts = [...mountNameResolution(workspace.directory, request), ...request.mounts];
  using _points = prepareMountPoints(
    workspace.root,
    mounts.map((mount) => ({ target: mount.target, kind: kindOf(mount) })),
  );
  const spec: RunSpec = {
    id: randomBytes(16).toString('hex'),
    rootfs: workspace.root,
    args: request.args,
    env: request.env,
    cwd: request.cwd,
    user: request.user,
    mounts,
    network,
    hostname: 's2oci',
    readOnlyRootfs: false,
    capabilities: request.capabilities,
    fakeRoot: deps.singleId && request.user.uid === 0,
  };
  const limit = timeLimit(request.timeoutSeconds, context.signal);
  const status = await withStdio(workspace, request.stdio, context, (stdio) =>
    choice.runtime.run(spec, stdio, limit.signal),
  );
  context.signal.throwIfAborted();
  if (status.runtimeFailure !== undefined && !limit.reached()) {
    throw new BuildError(
      'RUNTIME_FAILED',
      `${choice.runtime.name} could not start the process: ${status.runtimeFailure}`,
      {
        origin: 'runtime',
        suggestion: 'run `s2oci doctor`, or pick another executor with --executor',
      },
    );
  }
  return {
    code: status.code,
    timedOut: limit.reached(),
    executor: choice.runtime.name,
    isolation: choice.isolation,
  };
}

function kindOf(mount: RunMount): 'file' | 'directory' {
  if (mount.kind === 'tmpfs') return 'directory';
  try {
    readFileSync(mount.source, { flag: 'r' });
    return 'file';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EISDIR' ? 'directory' : 'file';
  }
}

function timeLimit(
  seconds: number | undefined,
  signal: AbortSignal,
): { signal: AbortSignal; reached(): boolean } {
  if (seconds === undefined) return { signal, reached: () => false };
  const timeout = AbortSignal.timeout(seconds * 1000);
  return {
    signal: AbortSignal.any([signal, timeout]),
    reached: () => timeout.aborted && !signal.aborted,
  };
}

async function withStdio<T>(
  workspace: Workspace,
  mode: RunRequest['stdio'],
  context: OperationContext,
  run: (stdio: RunStdio) => Promise<T>,
): Promise<T> {
  if (mode === 'inherit') return run({ stdin: 0, stdout: 1, stderr: 2 });
  const [out, err] = await openOutputPipes(workspace.directory, 2);
  if (out === undefined || err === undefined) throw new BuildError('INTERNAL', 'no output pipes');
  using _out = out;
  using _err = err;
  const file = mode === 'events' ? undefined : openSync(mode.stdoutFile, 'w', 0o600);
  try {
    const forwarded = [
      file === undefined ? forward(out.readable, 'stdout', context) : Promise.resolve(),
      forward(err.readable, 'stderr', context),
    ];
    const result = await run({
      stdin: 'ignore',
      stdout: file ?? out.writeEnd,
      stderr: err.writeEnd,
    });
    out.closeWriteEnd();
    err.closeWriteEnd();
    await Promise.race([Promise.all(forwarded), delay(drainMilliseconds)]);
    return result;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Sends output as it comes; reading waits while the client is behind. */
async function forward(
  readable: Socket,
  stream: 'stdout' | 'stderr',
  context: OperationContext,
): Promise<void> {
  for await (const chunk of readable)
    await context.emit({ type: 'output', stream, chunk: chunk as Uint8Array });
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
