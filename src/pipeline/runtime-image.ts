/**
 * Builds that end in another image than the one they are assembled in (s2i's "extended build"): what assemble made is
 * copied into a runtime image, where assemble-runtime finishes it. The result is the runtime image and one layer.
 */

import type { Agent, RunResult } from '../agent/index.ts';
import type { ResolvedUser } from '../s2i/index.ts';
import { workingDirectoryOf } from '../s2i/index.ts';
import type { Lease } from '../store/index.ts';
import type { BuildRun } from './build-run.ts';
import { findRuntimeUser } from './build-users.ts';
import { Container } from './container.ts';
import type { BuildSource, ChosenRuntime } from './inputs.ts';
import { buildDirectories } from './leave-out.ts';
import { asPartOf } from './phase-timer.ts';
import { assemble } from './phases/assemble.ts';
import { fetchLayers } from './phases/fetch.ts';
import { unpackImage } from './phases/unpack.ts';
import { proxyEnvironment, sandboxEnvironment, sandboxOf } from './sandbox.ts';
import { Scripts } from './scripts.ts';

/** The container whose change becomes the layer of the application. */
export interface FinalContainer {
  readonly container: Container;
  readonly destination: string;
  readonly user: ResolvedUser;
  readonly scripts: Scripts;
  /** The build's own directories that the image has itself. */
  readonly before: ReadonlySet<string>;
}

/** A runtime image, opened. */
export interface OpenRuntime extends FinalContainer {
  readonly chosen: ChosenRuntime;
  readonly pulledBytes: number;
}

/** What a runtime image is opened with. */
export interface RuntimeInput {
  readonly agent: Agent;
  readonly lease: Lease;
  readonly source: BuildSource;
  readonly chosen: ChosenRuntime;
}

/** Fetches and opens the runtime image before anything runs, so that what is missing in it is known early. */
export async function openRuntime(
  run: BuildRun,
  { agent, chosen, lease, source }: RuntimeInput,
  signal: AbortSignal,
): Promise<OpenRuntime> {
  const { request, resources } = run;
  const deps = { ...run.deps, agent };
  return asPartOf('runtime', async () => {
    const { image } = chosen;
    const { value: fetched } = await fetchLayers({ ...deps, lease }, image, signal, 'runtime');
    await unpackImage(deps, fetched, signal, 'runtime');
    const { rootfsKey, pulledBytes } = fetched;
    const container = resources.use(
      await Container.open(deps, rootfsKey, image.config, request.storage, signal),
    );
    const user = await findRuntimeUser(request, container, chosen.contract, signal);
    const search = { ...chosen, outside: source.scripts };
    const scripts = await Scripts.find(agent, container, search, signal);
    for (const name of ['assemble-runtime', 'run'] as const) scripts.require(name);
    const { destination } = chosen;
    const before = await container.existing(buildDirectories(destination));
    return { chosen, container, destination, user, scripts, before, pulledBytes };
  });
}

/**
 * Phase `runtime`: copies artifacts out of the container that assemble ran in, and runs assemble-runtime on them.
 *
 * @throws BuildError `BUILDER_INVALID` for an artifact that is missing, `ASSEMBLE_FAILED`, `TIME_LIMIT`
 */
export function finishInRuntime(
  run: BuildRun,
  from: Container,
  { agent, source }: Pick<RuntimeInput, 'agent' | 'source'>,
  runtime: OpenRuntime,
  signal: AbortSignal,
): Promise<RunResult> {
  const { request, timer } = run;
  const { chosen, container, scripts, user } = runtime;
  const mtime = BigInt(source.epoch) * 1_000_000_000n;
  const top = workingDirectoryOf(container.config.execution.workingDir).replace(/\/+$/, '');
  return timer.run('runtime', async () => {
    let files = 0;
    for (const artifact of chosen.artifacts) {
      const directory = `${top}/${artifact.destination}`;
      const into = { workspace: container.workspace, directory };
      const copied = await agent.call(
        'copyBetween',
        { workspace: from.workspace, from: artifact.source, into, owner: user, mtime },
        { signal },
      );
      run.warn(copied.warnings);
      files += copied.files;
    }
    await scripts.place(agent, container, user, mtime, signal);
    const { environment } = source;
    const buildEnvironment = [
      `SOURCE_DATE_EPOCH=${source.epoch}`,
      ...sandboxEnvironment(request),
      ...proxyEnvironment(request, run.deps.env),
      ...request.buildEnv,
    ];
    const sandbox = sandboxOf(request);
    const process = { container, scripts, user, environment, buildEnvironment, sandbox };
    const input = { ...process, script: 'assemble-runtime', mounts: [] } as const;
    const { value } = await assemble(input, signal);
    return { value, detail: `${files} files of the builder image` };
  });
}
