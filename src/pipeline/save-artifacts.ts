/** Runs save-artifacts in a container and keeps what it writes in a file of the container's scratch directory. */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import type { Phase } from '../events/index.ts';
import {
  type ResolvedUser,
  scriptCommand,
  scriptEnvironment,
  workingDirectoryOf,
} from '../s2i/index.ts';
import type { Container } from './container.ts';
import type { BuildRequest } from './request.ts';
import { sandboxOf } from './sandbox.ts';
import { runScript } from './script-failure.ts';

/** The script and the container it runs in. */
export interface SaveArtifactsInput {
  readonly container: Container;
  readonly user: ResolvedUser;
  /** Where the script lies in the container. */
  readonly path: string;
  readonly viaShell: boolean;
  /** Variables beside those of the container's image. */
  readonly environment: readonly string[];
  /** The phase that its output belongs to. */
  readonly phase: Phase;
}

/** The output of save-artifacts; it goes with the container. */
export interface ArtifactArchive {
  readonly path: string;
  readonly bytes: number;
}

/** How long save-artifacts may take: beyond this a clean build is the better way. */
const maxSeconds = 900;

/** The most bytes of artifacts: beyond this, moving them costs more than they save. */
export const maxArtifactBytes = 8 * 2 ** 30;

/**
 * Runs save-artifacts.
 *
 * @throws BuildError `SAVE_ARTIFACTS_FAILED` with the script's own exit code, `LIMIT_EXCEEDED`, and the errors of the runtime
 */
export async function runSaveArtifacts(
  request: BuildRequest,
  input: SaveArtifactsInput,
  signal: AbortSignal,
): Promise<ArtifactArchive> {
  const { container, user, path } = input;
  const { execution } = container.config;
  const archive = join(container.workspace, 'artifacts.tar');
  const sandbox = sandboxOf(request);
  const timeoutSeconds = Math.min(sandbox.timeoutSeconds ?? maxSeconds, maxSeconds);
  const { phase } = input;
  const result = await runScript(
    container,
    { name: 'save-artifacts', path, code: 'SAVE_ARTIFACTS_FAILED', phase },
    {
      args: scriptCommand({ execution, path, viaShell: input.viaShell }),
      env: scriptEnvironment({
        execution,
        given: input.environment,
        ...(user.home === undefined ? {} : { home: user.home }),
      }),
      cwd: workingDirectoryOf(execution.workingDir),
      user,
      stdio: { stdoutFile: archive, maxBytes: maxArtifactBytes },
    },
    { ...sandbox, timeoutSeconds },
    signal,
  );
  if (!result.timedOut) return { path: archive, bytes: (await stat(archive)).size };
  throw new BuildError(
    'SAVE_ARTIFACTS_FAILED',
    `save-artifacts took longer than ${timeoutSeconds} seconds`,
    { origin: 'builder' },
  );
}
