/** Phase `assemble`: runs the builder's assemble script on the source, or a runtime image's assemble-runtime. */

import type { MountRequest, RunResult } from '../../agent/index.ts';
import { BuildError } from '../../errors/index.ts';
import { keepersText } from '../../runtime/index.ts';
import type { ResolvedUser } from '../../s2i/index.ts';
import { scriptCommand, scriptEnvironment, workingDirectoryOf } from '../../s2i/index.ts';
import type { Container, SandboxSettings } from '../container.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import { runScript } from '../script-failure.ts';
import type { Scripts } from '../scripts.ts';

/** What assemble runs with. */
export interface AssembleInput {
  readonly script: 'assemble' | 'assemble-runtime';
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
  const { container, script, scripts, user } = input;
  const { execution } = container.config;
  const location = scripts.require(script);
  const phase = script === 'assemble' ? script : 'runtime';
  const result = await runScript(
    container,
    { name: script, path: location.path, code: 'ASSEMBLE_FAILED', phase },
    {
      args: scriptCommand({
        execution,
        path: location.path,
        viaShell: scripts.viaShell(script),
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
      `${script} took longer than ${input.sandbox.timeoutSeconds} seconds and was ended`,
      {
        origin: 'builder',
        suggestion: 'allow more time with --timeout',
      },
    );
  }
  return { value: result, detail: detailOf(result) };
}

function detailOf({ executor, isolation, emulatedRoot, keepers }: RunResult): string {
  const limits = keepersText(keepers);
  return [
    ...[executor, `isolation ${isolation}`],
    ...(emulatedRoot ? ['root emulated: only one user id exists'] : []),
    ...(limits === undefined ? [] : [limits]),
  ].join(', ');
}
