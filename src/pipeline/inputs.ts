/** What a build is made from, before anything is fetched or run: builder image, source, scripts from outside. */

import {
  type BuilderContract,
  destinationOf,
  mergeEnvironment,
  parseBuilderContract,
  parseRuntimeArtifacts,
  type RuntimeArtifact,
} from '../s2i/index.ts';
import type { SourceTree } from '../source/index.ts';
import type { BuildRun } from './build-run.ts';
import { checkRuntimeUser, checkUsers } from './build-users.ts';
import { openBuildSource } from './open-source.ts';
import { type OutsidePlaces, readOutsidePlaces } from './outside-scripts.ts';
import { asPartOf, type PhaseOutcome } from './phase-timer.ts';
import { type ResolvedImage, resolveImage } from './phases/resolve.ts';
import { readSourceEnvironment } from './phases/source.ts';

/** Times are clamped to this when neither the user nor the source says otherwise: 1980-01-01, the first that zip files can hold. */
const defaultEpoch = 315_532_800;

/** The builder image, and what it says about itself. */
export interface ChosenBuilder {
  readonly image: ResolvedImage;
  readonly contract: BuilderContract;
  readonly destination: string;
}

/** The source, opened, and what it brings along. */
export interface BuildSource {
  readonly tree: SourceTree;
  readonly scripts: OutsidePlaces;
  /** Variables of the source and of the user, which stay in the image. */
  readonly environment: readonly string[];
  /** Seconds since the epoch. */
  readonly epoch: number;
}

/** Resolves the builder image and holds it against what the user allows. */
export async function chooseBuilder(run: BuildRun, signal: AbortSignal): Promise<ChosenBuilder> {
  const { request } = run;
  const chosen = await run.timer.run('resolve', () =>
    chooseImage(run, request.builder, 'builder', signal),
  );
  checkUsers(request, chosen.image.config.execution, chosen.contract);
  return chosen;
}

/** A runtime image, and what goes into it. */
export interface ChosenRuntime extends ChosenBuilder {
  readonly artifacts: readonly RuntimeArtifact[];
}

/** Resolves the runtime image, if the user names one, and holds it against what the user allows. */
export async function chooseRuntime(
  run: BuildRun,
  signal: AbortSignal,
): Promise<ChosenRuntime | undefined> {
  const { request } = run;
  const { runtimeImage, runtimeArtifacts } = request;
  if (runtimeImage === undefined) return undefined;
  const { value: chosen } = await asPartOf('resolve', () =>
    chooseImage(run, runtimeImage, 'runtime', signal),
  );
  const { contract, image } = chosen;
  checkRuntimeUser(request, image.config.execution, contract);
  const artifacts = parseRuntimeArtifacts(runtimeArtifacts, contract.runtimeArtifacts);
  return { ...chosen, artifacts };
}

async function chooseImage(
  run: BuildRun,
  name: string,
  of: 'builder' | 'runtime',
  signal: AbortSignal,
): Promise<PhaseOutcome<ChosenBuilder>> {
  const { request } = run;
  const source = run.resources.use(await run.deps.images.source(name));
  const { value: image, ...outcome } = await resolveImage(source, request.platform, signal);
  const contract = parseBuilderContract(image.config.execution, {
    of,
    allowRemoteScripts: request.allowRemoteScripts,
    scriptsUrlGiven: request.scriptsUrl !== undefined,
  });
  run.warn(contract.warnings);
  const destination = destinationOf(contract, request.destination);
  return { ...outcome, value: { image, contract, destination } };
}

/** Opens the source and reads what it says about the build, and the scripts that the chosen images name elsewhere. */
export async function openInputs(
  run: BuildRun,
  images: readonly ChosenBuilder[],
  signal: AbortSignal,
): Promise<BuildSource> {
  const { deps, request, resources } = run;
  const tree = resources.use(await openBuildSource(deps, request, resources, signal));
  const { scriptsUrl } = request;
  const places = {
    contracts: images.map(({ contract }) => contract),
    sourcePath: tree.path,
    ...(scriptsUrl === undefined ? {} : { scriptsUrl }),
  };
  const scripts = await readOutsidePlaces(deps.http, places, signal);
  const { environment, warnings } = await readSourceEnvironment(tree);
  run.warn(warnings);
  return {
    tree,
    scripts,
    environment: mergeEnvironment(environment, request.env),
    epoch: request.sourceDateEpoch ?? tree.epoch ?? defaultEpoch,
  };
}
