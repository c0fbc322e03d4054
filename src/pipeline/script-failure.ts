/** Runs scripts of a container and says why they failed, as far as the container tells. */

import type { RunResult } from '../agent/index.ts';
import { asBuildError, BuildError, type ErrorCode } from '../errors/index.ts';
import type { Phase } from '../events/index.ts';
import { type Diagnosis, diagnoseScript, type ScriptName } from '../s2i/index.ts';
import type { Container, ContainerProcess, SandboxSettings } from './container.ts';
import { refuseLimit } from './limits.ts';

/** A script, and how it is called when it fails. */
export interface NamedScript {
  readonly name: ScriptName;
  /** Where it lies in the container. */
  readonly path: string;
  readonly code: ErrorCode;
  readonly phase: Phase;
}

const headBytes = 4096;

/** With this code shells say that they did not find what they were to start. */
const notFound = 127;

/**
 * Runs a script to its end. One that ran out of time is the caller's to judge.
 *
 * @throws BuildError `code` with the script's own exit code in `details`, `RESOURCE_LIMIT`, and the errors of the runtime
 */
export async function runScript(
  container: Container,
  script: NamedScript,
  process: ContainerProcess,
  sandbox: SandboxSettings,
  signal: AbortSignal,
): Promise<RunResult> {
  const result = await container
    .run(script.phase, process, sandbox, signal)
    .catch(async (error) => {
      signal.throwIfAborted();
      throw (await explainRuntimeFailure(container, script, error)) ?? error;
    });
  refuseLimit(script.name, result);
  if (result.code === 0 || result.timedOut) return result;
  const { diagnosis } = await explain(container, script, result.code);
  throw failed(script, diagnosis, result.code);
}

/**
 * Explains why a runtime could not start a script, or why a script ended with an exit code, where a fault of the script's
 * file is the reason; undefined where it is not.
 */
export async function explainRuntimeFailure(
  container: Container,
  script: NamedScript,
  failure: unknown,
): Promise<BuildError | undefined> {
  const exitCode = typeof failure === 'number' ? failure : notFound;
  if (typeof failure !== 'number' && asBuildError(failure).code !== 'RUNTIME_FAILED')
    return undefined;
  const { diagnosis, isCertain } = await explain(container, script, exitCode);
  return isCertain ? failed(script, diagnosis, exitCode) : undefined;
}

function failed(
  { code, name }: NamedScript,
  { reason, suggestion }: Diagnosis,
  exitCode: number,
): BuildError {
  return new BuildError(code, `${name} failed: ${reason}`, {
    origin: 'builder',
    details: { exitCode },
    ...(suggestion === undefined ? {} : { suggestion }),
  });
}

/** Looks at the script, its interpreter and the shell of the container. */
async function explain(container: Container, { name, path }: NamedScript, exitCode: number) {
  const [facts] = await container.look([path], headBytes);
  const file = facts?.kind === 'file' ? facts : undefined;
  const interpreter = /^#!\s*(\S+)/.exec(Buffer.from(file?.head ?? []).toString('utf8'))?.[1];
  const known = await container.existing([
    '/bin/sh',
    ...(interpreter === undefined ? [] : [interpreter]),
  ]);
  return diagnoseScript({
    ...{ name, path, exitCode },
    ...(file === undefined ? {} : { file }),
    imageHas: (wanted) => known.has(wanted),
    architecture: container.config.platform.architecture,
  });
}
