/** What a build is made from, before anything is fetched or run: builder image, source, scripts from outside. */

import {
  type BuilderContract,
  destinationOf,
  mergeEnvironment,
  parseBuilderContract,
} from '../s2i/index.ts';
import type { SourceTree } from '../source/index.ts';
import type { BuildRun } from './build-run.ts';
import { checkUsers } from './build-users.ts';
import { openBuildSource } from './open-source.ts';
import { type OutsidePlaces, readOutsidePlaces } from './outside-scripts.ts';
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
  const source = run.resources.use(await run.deps.images.source(request.builder));
  const image = await run.timer.run('resolve', () =>
    resolveImage(source, request.platform, signal),
  );
  const contract = parseBuilderContract(image.config.execution, {
    allowRemoteScripts: request.allowRemoteScripts,
  });
  run.warn(contract.warnings);
  checkUsers(request, image.config.execution, contract);
  return { image, contract, destination: destinationOf(contract, request.destination) };
}

/** Opens the source and reads what it says about the build. */
export async function openInputs(
  run: BuildRun,
  { contract }: ChosenBuilder,
  signal: AbortSignal,
): Promise<BuildSource> {
  const { deps, request, resources } = run;
  const tree = resources.use(await openBuildSource(deps, request, resources, signal));
  const { scriptsUrl } = request;
  const places = {
    contract,
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
