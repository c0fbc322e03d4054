/** `s2oci builder build`: builds an image from a Dockerfile and reports it. */

import { resolve } from 'node:path';
import {
  buildDockerfile,
  type DockerfileBuildRequest,
  type DockerfileBuildResult,
  type Output,
} from '../../builder/index.ts';
import type { Settings } from '../../config/index.ts';
import { asBuildError, BuildError } from '../../errors/index.ts';
import { hostPlatform, parsePlatform } from '../../model/index.ts';
import { parseSecret, parseSsh, writeReportFile } from '../../pipeline/index.ts';
import { parseVariable } from '../../s2i/index.ts';
import { type CommandIo, flagOption, type Invocation, listOption, textOption } from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { openSession } from '../session.ts';
import { loadSettings, reportConfigWarnings } from '../wiring.ts';
import {
  cacheRequestFrom,
  optional,
  sandboxRequestFrom,
  sourceDateEpoch,
  splitPair,
} from './build-request.ts';

/** Builds what was typed and returns the exit code. */
export async function buildBuilder(invocation: Invocation): Promise<number> {
  const { io } = invocation;
  const config = await loadSettings(invocation);
  const request = dockerfileRequestFrom(invocation, config.values);
  const renderer = createCommandRenderer(config, io);
  reportConfigWarnings(config, renderer, Date.now());
  try {
    await using session = await openSession(config, invocation);
    await using images = await openImages(config, io, session.store, renderer);
    const { store, agent } = session;
    const { stdin, env } = io;
    const ports = { images, http: images.http, store, agent, reporter: renderer, now: Date.now };
    const result = await buildDockerfile({ ...ports, stdin, env }, request, io.signal);
    await writeReports(result, invocation);
    renderer.finish({ ok: true, summary: { bytes: result.transfer, facts: [] } });
    for (const image of result.images) io.stdout.write(`${image}\n`);
    return 0;
  } catch (thrown) {
    const error = asBuildError(io.signal.aborted ? io.signal.reason : thrown);
    renderer.finish({ ok: false, error });
    return error.exitCode;
  }
}

/** Builds the request out of what was typed. */
export function dockerfileRequestFrom(
  invocation: Invocation,
  settings: Settings,
): DockerfileBuildRequest {
  const { args, options, io } = invocation;
  const { platform } = settings;
  const host = hostPlatform('linux', io.arch);
  const absolute = (path: string) => resolve(io.cwd, path);
  return {
    context: args[0] ?? '',
    directory: io.cwd,
    ...destinationsOf(invocation),
    platform: platform === undefined ? host : parsePlatform(platform),
    buildPlatform: host,
    buildArgs: new Map(listOption(options, 'buildArg').flatMap((text) => buildArgument(text, io))),
    labels: Object.fromEntries(listOption(options, 'label').map(parseVariable).map(splitPair)),
    secrets: listOption(options, 'secret').map((text) => parseSecret(text, absolute)),
    ssh: listOption(options, 'ssh').map((text) => parseSsh(text, absolute)),
    squash: flagOption(options, 'squash'),
    cache: cacheRequestFrom(options),
    ...sandboxRequestFrom(options, settings),
    storage: settings.storage,
    compression: settings.compression,
    timestamps: settings.timestamps,
    ...optional('dockerfile', textOption(options, 'file')),
    ...optional('target', textOption(options, 'target')),
    ...optional('compressionLevel', settings.compressionLevel),
    ...optional('sourceDateEpoch', sourceDateEpoch(io)),
  };
}

function destinationsOf({ options }: Invocation): Pick<DockerfileBuildRequest, 'tags' | 'outputs'> {
  const parsed = listOption(options, 'output').map(parseOutput);
  const tags = [...listOption(options, 'tag'), ...parsed.flatMap(({ tag }) => tag ?? [])];
  const outputs = parsed.flatMap(({ output }) => output ?? []);
  if (tags.length > 0 || outputs.length > 0) return { tags, outputs };
  throw new BuildError('USAGE_INVALID', 'the image has no place to go to', {
    suggestion:
      'name one with -t, such as -t registry.example.com/builders/mine:1 or -t oci:./image',
  });
}

/** `type=tar,dest=FILE` and `type=local,dest=DIRECTORY` are files; everything else is another name of the image. */
function parseOutput(text: string): { readonly tag?: string; readonly output?: Output } {
  if (!text.startsWith('type=')) return { tag: text };
  const fields = new Map(text.split(',').map(splitPair));
  const destination = fields.get('dest') ?? '';
  const kinds: Readonly<Record<string, Output['kind']>> = { tar: 'archive', local: 'directory' };
  const kind = kinds[fields.get('type') ?? ''];
  const isPlain = [...fields.keys()].every((key) => key === 'type' || key === 'dest');
  if (kind !== undefined && destination !== '' && isPlain) return { output: { kind, destination } };
  throw new BuildError('USAGE_INVALID', `--output ${JSON.stringify(text)} is not understood`, {
    suggestion:
      'write type=tar,dest=FILE or type=local,dest=DIRECTORY, or the name of an image such as oci-archive:FILE',
  });
}

/** A name alone takes its value from the environment, and is not given when it has none there. */
function buildArgument(text: string, io: CommandIo): readonly (readonly [string, string])[] {
  if (text.includes('=')) return [splitPair(parseVariable(text))];
  const value = io.env[text];
  return value === undefined ? [] : [[text, value]];
}

async function writeReports(
  result: DockerfileBuildResult,
  { io, options }: Invocation,
): Promise<void> {
  const files: readonly (readonly [string, string])[] = [
    ['metadataFile', `${JSON.stringify(result, undefined, 2)}\n`],
    ['iidfile', result.imageId],
  ];
  for (const [name, content] of files) {
    const path = textOption(options, name);
    if (path !== undefined) await writeReportFile(resolve(io.cwd, path), content);
  }
}
