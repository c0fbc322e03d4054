/** Phase `assemble`: runs the builder's assemble script on the source. */

import type { MountRequest, RunResult } from '../../agent/index.ts';
import { BuildError } from '../../errors/index.ts';
import type { ResolvedUser } from '../../s2i/index.ts';
import {
  diagnoseScript,
  scriptCommand,
  scriptEnvironment,
  workingDirectoryOf,
} from '../../s2i/index.ts';
import type { Container, SandboxSettings } from '../container.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { Scripts } from '../scripts.ts';

/** What assemble runs with. */
export interface AssembleInput {
  readonly container: Container;
  readonly scripts: Scripts;
  readonly user: ResolvedUser;
  /** Variables that stay in the image. */
  readonly environment: readonly string[];
  /** Variables for the build alone. */
  readonly buildEnvironment: readonly string[];
  readonly sandbox: SandboxSettings;
  /** What only assemble sees. */
  readonly mounts: readonly MountRequest[];
}

/**
 * Runs assemble.
 *
 * @throws BuildError `ASSEMBLE_FAILED` with the script's own exit code in `details`, `TIME_LIMIT`,
 * `SCRIPT_NOT_FOUND`, and the errors of the runtime
 */
export async function assemble(
  input: AssembleInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<RunResult>> {
  const { container, scripts, user } = input;
  const { execution } = container.config;
  const location = scripts.require('assemble');
  const result = await container.run(
    'assemble',
    {
      args: scriptCommand({
        execution,
        path: location.path,
        viaShell: scripts.viaShell('assemble'),
      }),
      env: scriptEnvironment({
        execution,
        given: input.environment,
        buildOnly: input.buildEnvironment,
        ...(user.home === undefined ? {} : { home: user.home }),
      }),
      cwd: workingDirectoryOf(execution.workingDir),
      user,
      stdio: 'events',
      mounts: input.mounts,
    },
    input.sandbox,
    signal,
  );
  if (result.timedOut) {
    throw new BuildError(
      'TIME_LIMIT',
      `assemble took longer than ${input.sandbox.timeoutSeconds} seconds and was ended`,
      {
        origin: 'builder',
        suggestion: 'allow more time with --timeout',
      },
    );
  }
  if (result.code !== 0) throw await failure(input, result.code, location.path);
  const { executor, isolation, emulatedRoot } = result;
  const root = emulatedRoot ? ', root emulated: only one user id exists' : '';
  return { value: result, detail: `${executor}, isolation ${isolation}${root}` };
}

async function failure(input: AssembleInput, exitCode: number, path: string): Promise<BuildError> {
  const { container, scripts } = input;
  const file = scripts.factsOf('assemble');
  const interpreter = /^#!\s*(\S+)/.exec(Buffer.from(file?.head ?? []).toString('utf8'))?.[1];
  const known = await container.existing([
    '/bin/sh',
    ...(interpreter === undefined ? [] : [interpreter]),
  ]);
  const { reason, suggestion } = diagnoseScript({
    name: 'assemble',
    path,
    exitCode,
    ...(file === undefined ? {} : { file }),
    imageHas: (wanted) => known.has(wanted),
    architecture: container.config.platform.architecture,
  });
  return new BuildError('ASSEMBLE_FAILED', `assemble failed: ${reason}`, {
    origin: 'builder',
    details: { exitCode },
    ...(suggestion === undefined ? {} : { suggestion }),
  });
}
