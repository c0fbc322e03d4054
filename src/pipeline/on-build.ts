/**
 * Builder images with ONBUILD instructions: the source becomes a build context with a Dockerfile of a few lines, and whoever
 * builds Dockerfiles runs those and the instructions.
 */

import { lstat, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { generatedLabels, labelsFrom, mergeLabels, planOnBuild } from '../s2i/index.ts';
import { copySource } from './as-dockerfile.ts';
import type { BuildRun } from './build-run.ts';
import { type BuildSource, type ChosenBuilder, openInputs } from './inputs.ts';
import type { BuildRequest, BuildResult } from './request.ts';

/**
 * Builds the source by the ONBUILD instructions of the builder image.
 *
 * @throws BuildError `POLICY_VIOLATION` when they are blocked, `SOURCE_INVALID` without an entry point, `USAGE_INVALID` for what
 * such a build cannot do, and the errors of building a Dockerfile
 */
export async function buildByTriggers(
  run: BuildRun,
  builder: ChosenBuilder,
  signal: AbortSignal,
): Promise<BuildResult> {
  const { deps, request, resources, timer } = run;
  if (request.runtimeImage !== undefined)
    throw new BuildError('USAGE_INVALID', 'a builder image with ONBUILD needs no --runtime-image');
  const source = await openInputs(run, [builder], signal);
  const scratch = resources.use(await deps.store.createScratch());
  const context = join(scratch.path, 'context');
  const dockerfile = join(scratch.path, 'Dockerfile');
  await copySource(source.tree, context, signal);
  await writeFile(dockerfile, await dockerfileOf(run, builder, source, context));
  if (request.incremental) run.warn(['builds by ONBUILD are not incremental']);
  const { epoch } = source;
  const labels = labelsOf(request, builder, source);
  const order = { request, context, dockerfile, labels, epoch };
  const { reference, warnings, ...built } = await deps.onBuild(order, signal);
  run.keepWarnings(warnings);
  const reason = 'builds by ONBUILD are not incremental';
  return {
    ...built,
    image: reference,
    labels,
    builder: { reference: builder.image.source.name, digest: builder.image.descriptor.digest },
    phases: timer.times,
    idMapping: (await deps.agent).idMapping.kind,
    leftOut: [],
    cache: { used: false, reason: 'each instruction is cached on its own' },
    incremental: {
      ...{ used: false, way: 'none', reason, restoredBytes: 0, fetchedBytes: 0, savedBytes: 0 },
      kept: { done: false, reason, sentBytes: 0 },
    },
    warnings: run.warnings,
  };
}

async function dockerfileOf(
  { request }: BuildRun,
  { image }: ChosenBuilder,
  { environment }: BuildSource,
  context: string,
): Promise<string> {
  const { entrypoint, onBuild } = image.config.execution;
  const entries = await Promise.all(
    (await readdir(context)).sort().map(async (name) => {
      const stat = await lstat(join(context, name));
      return { name, isExecutableFile: stat.isFile() && (stat.mode & 0o111) !== 0 };
    }),
  );
  const blocked = request.blockOnBuild;
  const builder = `${image.source.name}@${image.descriptor.digest}`;
  return planOnBuild({ builder, instructions: onBuild, entries, environment, entrypoint, blocked });
}

function labelsOf(request: BuildRequest, { image }: ChosenBuilder, { tree }: BuildSource) {
  return mergeLabels(
    generatedLabels({
      builder: image.source.name,
      displayName: request.displayName ?? request.tag,
      ...(request.description === undefined ? {} : { description: request.description }),
      source: tree.info,
    }),
    labelsFrom(Object.entries(request.labels)),
  );
}
