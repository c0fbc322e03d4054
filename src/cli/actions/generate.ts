/** `s2oci generate`: the Dockerfile of builds with a builder image, without a source. */

import { resolve } from 'node:path';
import { readImage } from '../../image/index.ts';
import { hostPlatform, parsePlatform } from '../../model/index.ts';
import { writeReportFile } from '../../pipeline/index.ts';
import {
  destinationOf,
  generateDockerfile,
  labelsFrom,
  parseBuilderContract,
  parseVariable,
} from '../../s2i/index.ts';
import { type Invocation, listOption, textOption } from '../command.ts';
import { acceptS2iFlags } from '../commands/s2i-flags.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { loadSettings, openLocalStore } from '../wiring.ts';

/** Writes the Dockerfile. */
export async function generate(typed: Invocation): Promise<number> {
  const { invocation, notices } = acceptS2iFlags(typed);
  const { args, options, io } = invocation;
  const [name = '', file = ''] = args;
  const config = await loadSettings(invocation);
  const reporter = createCommandRenderer(config, io);
  for (const message of notices)
    reporter.emit({ type: 'log', level: 'warning', message, time: Date.now() });
  await using store = await openLocalStore(config, invocation);
  await using images = await openImages(config, io, store, reporter);
  await using source = await images.source(name.replace(/^docker:\/\//, ''));
  const wanted = textOption(options, 'platform');
  const platform = wanted === undefined ? hostPlatform('linux', io.arch) : parsePlatform(wanted);
  const { execution } = (await readImage(source, platform, io.signal)).config;
  const contract = parseBuilderContract(execution);
  const { scriptsUrl } = contract;
  const text = generateDockerfile({
    builder: name,
    destination: destinationOf(contract, undefined),
    supplied: new Set(),
    labels: labelsFrom([]),
    environment: listOption(options, 'env').map(parseVariable),
    assembleUser:
      textOption(options, 'assembleUser') ?? contract.assembleUser ?? (execution.user || '0'),
    imageUser: execution.user,
    entrypoint: execution.entrypoint,
    injections: [],
    ...(scriptsUrl === undefined ? {} : { builderScriptsUrl: scriptsUrl }),
  });
  await writeReportFile(resolve(io.cwd, file), text);
  return 0;
}
