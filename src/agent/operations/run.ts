/**
 * Runs one process in a workspace: prepares what is mounted for the run only, connects its output, picks
 * the runtime, enforces the time limit, and takes away every trace of the preparations.
 */

import { randomBytes } from 'node:crypto';
import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { BuildError } from '../../errors/index.ts';
import { resolveInRoot } from '../../layer/index.ts';
import type {
  ExitStatus,
  RunMount,
  RunSpec,
  RunStdio,
  Runtime,
  RuntimeDeps,
} from '../../runtime/index.ts';
import { chooseRuntime, keepLimits, ownGroupsUpwards } from '../../runtime/index.ts';
import { prepareMountPoints } from '../mount-points.ts';
import { type MountDeps, prepareMounts } from '../mounts/prepare.ts';
import { mountRootEmulation } from '../mounts/root-emulation.ts';
import { mountNameResolution } from '../name-resolution.ts';
import type { RunRequest, RunResult } from '../protocol.ts';
import { type SecretPattern, secretPatterns } from '../secrets/patterns.ts';
import { SecretRedactor } from '../secrets/redact.ts';
import { SecretSearch } from '../secrets/scan.ts';
import type { OperationContext } from '../server.ts';
import { openOutputPipes } from '../stdio.ts';
import type { Workspace } from '../workspace.ts';

/** What the operation needs besides its input. */
export interface RunDeps extends MountDeps {
  readonly runtimes: readonly Runtime[];
  readonly surroundings: RuntimeDeps;
  /** What was said about limits already. */
  readonly told: Set<string>;
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
  const wanted = { ...request.runtime, network, seccomp: request.seccomp };
  const choice = await chooseRuntime(deps.runtimes, wanted, context.signal);
  const fakeRoot = deps.singleId && request.user.uid === 0 && choice.capability.fakeRoot;
  await using prepared = await prepareMounts(
    deps,
    { workspace, signal: context.signal, warn: (message) => warn(context, message) },
    [
      ...nameResolution(workspace, request),
      ...(fakeRoot ? mountRootEmulation(workspace.root, workspace.directory) : []),
      ...request.mounts,
    ],
  );
  const { mounts } = prepared;
  // An image may name a working directory that nobody has made; as elsewhere, it is made and stays.
  resolveInRoot(workspace.root, request.cwd, { makeDirectories: true });
  const points = mounts.map((mount) => ({ target: mount.target, kind: kindOf(mount) }));
  using _points =
    workspace.inPlace === undefined ? prepareMountPoints(workspace.root, points) : undefined;
  const parents = choice.runtime.staysInGroup ? ownGroupsUpwards : () => [];
  await using kept = await keepLimits(deps.surroundings, request.limits, parents);
  tellOnce(deps, kept.notes, context);
  const spec = { ...specOf(workspace, request), mounts, fakeRoot, ...kept.spec };
  const limit = timeLimit(request.timeoutSeconds, context.signal);
  const ended = await withStdio(workspace, request, context, (stdio, stopped) =>
    choice.runtime.run(spec, stdio, AbortSignal.any([limit.signal, stopped])),
  );
  context.signal.throwIfAborted();
  const timedOut = limit.reached();
  const { status, wasRefused } = timedOut
    ? { status: ended, wasRefused: false }
    : kept.judge(ended);
  if (wasRefused) warn(context, 'processes were refused at --pids-limit; it went on without them');
  if (!timedOut) refuseFailure(choice.runtime.name, status);
  return {
    code: status.code,
    timedOut,
    ...(status.limit === undefined ? {} : { limit: status.limit }),
    keepers: kept.keepers,
    executor: choice.runtime.name,
    isolation: choice.isolation,
    emulatedRoot: fakeRoot,
  };
}

function specOf(workspace: Workspace, request: RunRequest): Omit<RunSpec, 'mounts' | 'fakeRoot'> {
  const { args, env, cwd, user, network, capabilities, seccomp } = request;
  return {
    ...{ args, env, cwd, user, network, capabilities },
    id: randomBytes(16).toString('hex'),
    rootfs: workspace.root,
    hostname: 's2oci',
    readOnlyRootfs: false,
    ...(seccomp === undefined ? {} : { seccomp }),
  };
}

/** @throws BuildError `RUNTIME_FAILED` for a process that never started */
function refuseFailure(executor: string, { runtimeFailure }: ExitStatus): void {
  if (runtimeFailure === undefined) return;
  throw new BuildError(
    'RUNTIME_FAILED',
    `${executor} could not start the process: ${runtimeFailure}`,
    {
      origin: 'runtime',
      suggestion: 'run `s2oci doctor`, or pick another executor with --executor',
    },
  );
}

/** In place nothing is mounted: names are resolved as they are for us. */
function nameResolution({ inPlace, directory }: Workspace, request: RunRequest) {
  return inPlace === undefined ? mountNameResolution(directory, request) : [];
}

function kindOf(mount: RunMount): 'file' | 'directory' {
  if (mount.kind === 'tmpfs') return 'directory';
  return statSync(mount.source, { throwIfNoEntry: false })?.isDirectory() ? 'directory' : 'file';
}

function warn(context: OperationContext, message: string): void {
  void context.emit({ type: 'warning', message });
}

/** Runs of one build have the same limits. */
function tellOnce({ told }: RunDeps, notes: readonly string[], context: OperationContext): void {
  for (const note of notes.filter((text) => !told.has(text))) {
    told.add(note);
    warn(context, note);
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

/** Runs with output connected; the second argument of `run` aborts when output may not be kept. */
async function withStdio<T>(
  workspace: Workspace,
  { stdio: mode, maxOutputBytes }: Pick<RunRequest, 'stdio' | 'maxOutputBytes'>,
  context: OperationContext,
  run: (stdio: RunStdio, stopped: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopped = new AbortController();
  if (mode === 'inherit') return run({ stdin: 0, stdout: 1, stderr: 2 }, stopped.signal);
  const [out, err] = await openOutputPipes(workspace.directory, 2);
  if (out === undefined || err === undefined) throw new BuildError('INTERNAL', 'no output pipes');
  using _out = out;
  using _err = err;
  const patterns = secretPatterns(workspace.secrets);
  const show = outputShower(patterns, maxOutputBytes, context);
  const forwarded = Promise.all([
    mode === 'events'
      ? show(out.readable, 'stdout')
      : keep(out.readable, mode, patterns).catch((error) => stopped.abort(error)),
    show(err.readable, 'stderr'),
  ]);
  // Where nothing could be started, closing the pipes ends these, and nobody waits for them.
  forwarded.catch(() => {});
  const result = await run(
    { stdin: 'ignore', stdout: out.writeEnd, stderr: err.writeEnd },
    stopped.signal,
  );
  out.closeWriteEnd();
  err.closeWriteEnd();
  await Promise.race([forwarded, delay(drainMilliseconds)]);
  stopped.signal.throwIfAborted();
  return result;
}

/** Keeps output in a file, up to a limit; it leaves the sandbox, so it may hold no secret either. */
async function keep(
  readable: Socket,
  { stdoutFile, maxBytes }: Extract<RunRequest['stdio'], object>,
  patterns: readonly SecretPattern[],
): Promise<void> {
  const file = openSync(stdoutFile, 'w', 0o600);
  const search = new SecretSearch(patterns);
  try {
    let total = 0;
    for await (const chunk of readable as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > maxBytes)
        throw new BuildError('LIMIT_EXCEEDED', `the output is longer than ${maxBytes} bytes`);
      const secret = search.find(chunk);
      if (secret !== undefined)
        throw new BuildError('SECRET_IN_IMAGE', `the output holds the secret ${secret}`);
      for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Sends output as it comes, without secrets; reading waits while the client is behind. Beyond a number of bytes,
 * of both streams together, it is read and dropped, so that a flood fills no log.
 */
function outputShower(
  secrets: readonly SecretPattern[],
  maxBytes = Number.POSITIVE_INFINITY,
  context: OperationContext,
): (readable: Socket, stream: 'stdout' | 'stderr') => Promise<void> {
  let left = maxBytes;
  let told = false;
  return async (readable, stream) => {
    const redactor = new SecretRedactor(secrets);
    const send = async (shown: Uint8Array) => {
      const chunk = shown.subarray(0, left);
      if (chunk.length < shown.length && !told) {
        told = true;
        warn(context, `output after ${maxBytes} bytes is not shown`);
      }
      left -= chunk.length;
      if (chunk.length > 0) await context.emit({ type: 'output', stream, chunk });
    };
    for await (const chunk of readable) await send(redactor.push(chunk as Uint8Array));
    await send(redactor.end());
  };
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref();
  });
}
