/**
 * Phase `restore`: an incremental build takes artifacts out of the previous image (save-artifacts) and
 * puts them beside the source. All of them or none: whatever goes wrong, the build is a clean one.
 */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from '../../agent/index.ts';
import { asBuildError, BuildError } from '../../errors/index.ts';
import {
  type ResolvedUser,
  scriptCommand,
  scriptEnvironment,
  workingDirectoryOf,
} from '../../s2i/index.ts';
import type { SourceTree } from '../../source/index.ts';
import type { Lease } from '../../store/index.ts';
import { Container } from '../container.ts';
import type { BuildDeps } from '../deps.ts';
import { maxScriptSize } from '../outside-scripts.ts';
import type { PhaseOutcome } from '../phase-timer.ts';
import type { BuildRequest } from '../request.ts';
import { sandboxOf } from '../sandbox.ts';
import { placeScripts, type Scripts, scriptsDirectory } from '../scripts.ts';
import { fetchLayers } from './fetch.ts';
import { resolveImage } from './resolve.ts';
import { unpackImage } from './unpack.ts';

/** What was restored. */
export interface RestoredArtifacts {
  readonly used: boolean;
  /** What was reused, or why the build is a clean one. */
  readonly reason: string;
  /** Size of the artifacts as a tar archive. */
  readonly bytes: number;
  /** Bytes fetched of the previous image. */
  readonly pulledBytes: number;
}

/** The build that artifacts are restored into. */
export interface RestoreInput {
  readonly agent: Agent;
  readonly container: Container;
  readonly destination: string;
  readonly tree: SourceTree;
  readonly user: ResolvedUser;
  readonly scripts: Scripts;
  readonly lease: Lease;
}

/** How long save-artifacts may take: beyond this a clean build is the better way. */
const maxSeconds = 900;

/** Errors that end a build even though it could go on without artifacts. */
const fatal = new Set(['INTERNAL', 'INTERRUPTED', 'TERMINATED', 'NO_SPACE']);

/** Restores artifacts, or says why there are none. */
export async function restoreArtifacts(
  deps: BuildDeps,
  request: BuildRequest,
  input: RestoreInput,
  signal: AbortSignal,
): Promise<PhaseOutcome<RestoredArtifacts>> {
  const script = input.scripts.plan.scripts['save-artifacts'];
  if (script === undefined) return clean('the builder image has no save-artifacts script');
  try {
    const restored = await fromPreviousImage(deps, request, input, signal);
    return { value: restored, detail: restored.reason };
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asBuildError(thrown);
    if (fatal.has(error.code)) throw error;
    return clean(error.code === 'IMAGE_NOT_FOUND' ? 'there is no previous image' : error.message);
  }
}

function clean(reason: string): PhaseOutcome<RestoredArtifacts> {
  return {
    value: { used: false, reason, bytes: 0, pulledBytes: 0 },
    detail: `clean build: ${reason}`,
  };
}

async function fromPreviousImage(
  deps: BuildDeps,
  request: BuildRequest,
  input: RestoreInput,
  signal: AbortSignal,
): Promise<RestoredArtifacts> {
  const { agent, lease } = input;
  await using source = await deps.images.source(request.tag);
  const { value: previous } = await resolveImage(source, request.platform, signal);
  const { value: fetched } = await fetchLayers(
    { ...deps, agent, lease },
    previous,
    signal,
    'restore',
  );
  await unpackImage({ ...deps, agent }, fetched, signal, 'restore');
  await using container = await Container.open(
    { ...deps, agent },
    fetched.rootfsKey,
    previous.config,
    request.storage,
    signal,
  );
  const archive = await saveArtifacts(request, input, container, signal);
  const bytes = (await stat(archive)).size;
  if (bytes === 0)
    return {
      used: false,
      reason: 'save-artifacts gave nothing',
      bytes,
      pulledBytes: fetched.pulledBytes,
    };
  await agent.call(
    'placeArchive',
    {
      workspace: input.container.workspace,
      archive,
      to: `${input.destination === '/' ? '' : input.destination}/artifacts`,
      owner: input.user,
    },
    { signal },
  );
  const reason = `${(bytes / 1e6).toFixed(1)} MB of artifacts of ${source.name}`;
  return { used: true, reason, bytes, pulledBytes: fetched.pulledBytes };
}

/** Runs save-artifacts in the previous image and returns the file that holds its output. */
async function saveArtifacts(
  request: BuildRequest,
  input: RestoreInput,
  container: Container,
  signal: AbortSignal,
): Promise<string> {
  const { execution } = container.config;
  const { user, scripts } = input;
  const path = await bringScript(input, container, signal);
  const archive = join(container.workspace, 'artifacts.tar');
  const sandbox = sandboxOf(request);
  const timeoutSeconds = Math.min(sandbox.timeoutSeconds ?? maxSeconds, maxSeconds);
  const result = await container.run(
    'restore',
    {
      args: scriptCommand({ execution, path, viaShell: scripts.viaShell('save-artifacts') }),
      env: scriptEnvironment({
        execution,
        given: [],
        ...(user.home === undefined ? {} : { home: user.home }),
      }),
      cwd: workingDirectoryOf(execution.workingDir),
      user,
      stdio: { stdoutFile: archive },
    },
    { ...sandbox, timeoutSeconds },
    signal,
  );
  if (result.code === 0 && !result.timedOut) return archive;
  const how = result.timedOut
    ? `took longer than ${timeoutSeconds} seconds`
    : `failed with exit code ${result.code}`;
  throw new BuildError('SAVE_ARTIFACTS_FAILED', `save-artifacts ${how}`, {
    origin: 'builder',
    details: { exitCode: result.code },
  });
}

/**
 * Makes the script of this build available in the previous image and returns its path there. A script of the
 * builder image runs where it lies when the previous image has the same; otherwise the current one is brought.
 */
async function bringScript(
  { agent, container: current, destination, scripts, user }: RestoreInput,
  previous: Container,
  signal: AbortSignal,
): Promise<string> {
  const { kind, path } = scripts.require('save-artifacts');
  if (kind !== 'image') {
    await scripts.place(agent, previous, user, 0n, signal);
    return path;
  }
  const [wanted, there] = await Promise.all([
    current.readFile(path, maxScriptSize, signal),
    previous.readFile(path, maxScriptSize, signal),
  ]);
  if (wanted === undefined || (there !== undefined && Buffer.compare(wanted, there) === 0))
    return path;
  const to = scriptsDirectory(destination);
  const script = ['save-artifacts', Buffer.from(wanted)] as const;
  await placeScripts(agent, previous, { scripts: [script], to, owner: user, mtime: 0n }, signal);
  return `${to}/save-artifacts`;
}
