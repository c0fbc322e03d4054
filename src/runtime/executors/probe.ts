/**
 * Probes an executor by running the probe program through the very code that runs builds, form after
 * form, strongest first (rootless.md C1: by doing, never by presence).
 */

import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asBuildError } from '../../errors/index.ts';
import type { RuntimeDeps } from '../deps.ts';
import { defaultCapabilities } from '../machine/capabilities.ts';
import { errnoIn } from '../machine/errno.ts';
import { ownsOneId } from '../machine/identity.ts';
import type { ExitStatus, RunSpec, RunStdio } from '../ports.ts';
import { createProbeRootfs, probeExitCode } from './probe-rootfs.ts';

/** Why something does not work. */
export interface ProbeFailure {
  readonly reason: string;
  readonly errno?: string;
}

/** A probe that hangs is a probe that fails. */
const timeLimit = 10_000;

/** What a probe needs of an executor. */
export interface Probed<F> {
  readonly forms: readonly F[];
  probeSpec?(spec: RunSpec): RunSpec;
  isFinal?(reason: string): boolean;
  run(form: F, spec: RunSpec, stdio: RunStdio, signal?: AbortSignal): Promise<ExitStatus>;
}

/** Returns the first form that really runs a program, or what was wrong with the last one. */
export async function firstWorking<F>(
  deps: RuntimeDeps,
  executor: Probed<F>,
  signal?: AbortSignal,
): Promise<{ readonly form: F } | ProbeFailure> {
  using rootfs = createProbeRootfs(deps.stateDirectory);
  if (rootfs === undefined) return { reason: 'there is no probe program for this architecture' };
  const plain = probeSpec(deps, rootfs.path, rootfs.program);
  const spec = executor.probeSpec?.(plain) ?? plain;
  let failure: ProbeFailure = { reason: 'it has no form that fits this machine' };
  for (const form of executor.forms) {
    const outcome = await attempt(
      join(rootfs.path, 'errors'),
      (stdio, limit) => executor.run(form, spec, stdio, limit),
      signal,
    );
    if (outcome === undefined) return { form };
    failure = outcome;
    if (executor.isFinal?.(outcome.reason) === true) break;
  }
  return failure;
}

async function attempt(
  errors: string,
  run: (stdio: RunStdio, limit: AbortSignal) => Promise<ExitStatus>,
  signal: AbortSignal | undefined,
): Promise<ProbeFailure | undefined> {
  const limit = AbortSignal.timeout(timeLimit);
  const sink = openSync(errors, 'w', 0o600);
  try {
    const stop = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    const status = await run({ stdin: 'ignore', stdout: sink, stderr: sink }, stop);
    if (limit.aborted) return { reason: 'it took too long' };
    if (status.code === probeExitCode && status.runtimeFailure === undefined) return undefined;
    const said = readFileSync(errors, 'utf8').trim();
    const failure = status.runtimeFailure ?? `the probe ended with exit code ${status.code}`;
    return explained(said === '' ? failure : said);
  } catch (error) {
    return explained(asBuildError(error).message);
  } finally {
    closeSync(sink);
  }
}

function explained(message: string): ProbeFailure {
  const errno = errnoIn(message);
  return { reason: message.replaceAll('\n', '; '), ...(errno === undefined ? {} : { errno }) };
}

function probeSpec(deps: RuntimeDeps, rootfs: string, program: string): RunSpec {
  return {
    id: `probe${randomBytes(8).toString('hex')}`,
    rootfs,
    args: [program],
    env: [],
    cwd: '/',
    user: { uid: 0, gid: 0, additionalGids: [] },
    mounts: [],
    network: 'host',
    hostname: 'probe',
    readOnlyRootfs: false,
    capabilities: defaultCapabilities,
    fakeRoot: ownsOneId(deps.identity),
  };
}
