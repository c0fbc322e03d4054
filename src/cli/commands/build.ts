/** `s2oci build`: the main job. */

import { resolve } from 'node:path';
import { asBuildError, type BuildError } from '../../errors/index.ts';
import { type BuildResult, build, writeReportFile } from '../../pipeline/index.ts';
import { type CommandSpec, type Invocation, textOption } from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer, reportOptions } from '../reporting.ts';
import { openSession } from '../session.ts';
import { loadSettings, reportConfigWarnings } from '../wiring.ts';
import {
  buildRequestFrom,
  contentOptions,
  layerOptions,
  registryOptions,
  resultOptions,
  sandboxOptions,
  sourceOptions,
} from './build-options.ts';

/** Builds an application image from source and a builder image. */
export const buildCommand: CommandSpec = {
  name: 'build',
  summary: 'build an application image from source',
  description:
    "Runs the builder image's assemble script on the source, in a rootless sandbox, and publishes the result as a new image.\n\nStandard output has one line: the reference of the image with its digest. Everything else goes to standard error.",
  arguments: [
    {
      name: '<source>',
      description: 'directory, git URL with #ref, tar archive, or - for a tar stream',
    },
    {
      name: '<builder>',
      description: 'builder image: reference, oci:DIR[:tag], oci-archive:FILE, docker-archive:FILE',
    },
    { name: '<tag>', description: 'where the application image goes, in the same forms' },
  ],
  options: [
    ...sourceOptions,
    ...contentOptions,
    ...sandboxOptions,
    ...layerOptions,
    ...resultOptions,
    ...registryOptions,
    ...reportOptions,
  ],
  examples: [
    's2oci build . registry.example.com/builders/node:24 registry.example.com/apps/hello:1',
    's2oci build https://git.example.com/app.git#main builder:1 oci:./image --incremental',
    'tar -c . | s2oci build - oci:./builder:24 registry.example.com/apps/hello:1',
  ],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const { io } = invocation;
  const config = await loadSettings(invocation);
  const request = buildRequestFrom(invocation, config.values);
  const renderer = createCommandRenderer(config, io);
  reportConfigWarnings(config, renderer, Date.now());
  try {
    await using session = await openSession(config, invocation);
    await using images = await openImages(config, io, session.store, renderer);
    const { store, agent } = session;
    const result = await build(
      {
        images,
        http: images.http,
        store,
        agent,
        reporter: renderer,
        now: Date.now,
        stdin: io.stdin,
        env: io.env,
      },
      request,
      io.signal,
    );
    await writeReports(result, invocation);
    renderer.finish({
      ok: true,
      summary: {
        bytes: result.transfer,
        facts: [
          [
            'executor',
            `${result.executor}, isolation ${result.isolation}, storage ${result.storage}`,
          ],
          ...(request.incremental ? [['incremental', result.incremental.reason] as const] : []),
        ],
      },
    });
    io.stdout.write(`${result.image}\n`);
    return 0;
  } catch (thrown) {
    const error = io.signal.aborted ? interruption(io.signal) : asBuildError(thrown);
    renderer.finish({ ok: false, error });
    return error.exitCode;
  }
}

function interruption(signal: AbortSignal): BuildError {
  return asBuildError(signal.reason);
}

async function writeReports(result: BuildResult, { io, options }: Invocation): Promise<void> {
  const files: readonly (readonly [string, string])[] = [
    ['metadataFile', `${JSON.stringify(result, undefined, 2)}\n`],
    ['digestFile', result.digest],
    ['iidfile', result.imageId],
  ];
  for (const [name, content] of files) {
    const path = textOption(options, name);
    if (path !== undefined) await writeReportFile(resolve(io.cwd, path), content);
  }
}
