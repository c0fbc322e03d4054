/** `s2oci rebuild`: the same build again, as the labels of an image describe it. */

import { readImage } from '../../image/index.ts';
import { hostPlatform, parsePlatform } from '../../model/index.ts';
import { planRebuild, type RebuildPlan } from '../../s2i/index.ts';
import { type CommandSpec, type Invocation, textOption } from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { loadSettings, openLocalStore } from '../wiring.ts';
import { buildOptions } from './build.ts';
import { runBuild } from './run-build.ts';
import { acceptS2iFlags } from './s2i-flags.ts';

/** Builds an image again from the source and the builder image that its labels name. */
export const rebuildCommand: CommandSpec = {
  name: 'rebuild',
  summary: 'build an image again from what its labels say',
  description:
    'Reads the builder image, the source, its context directory and its commit out of the labels of an image that s2oci or s2i built, and builds it again. Options win over labels.',
  arguments: [
    { name: '<image>', description: 'the image to build again' },
    { name: '[tag]', description: 'where the new image goes; the same name when absent' },
  ],
  options: buildOptions,
  examples: ['s2oci rebuild registry.example.com/apps/hello:1'],
  run: rebuild,
};

async function rebuild(typed: Invocation): Promise<number> {
  const { invocation } = acceptS2iFlags(typed);
  const [image = '', tag = image] = invocation.args;
  const plan = await readPlan(invocation, image);
  const { ref, contextDir } = plan;
  return runBuild({
    ...typed,
    args: [plan.source, plan.builder, tag],
    options: {
      ...(ref === undefined ? {} : { ref }),
      ...(contextDir === undefined ? {} : { contextDir }),
      ...typed.options,
    },
  });
}

async function readPlan(invocation: Invocation, name: string): Promise<RebuildPlan> {
  const { io, options } = invocation;
  const config = await loadSettings(invocation);
  const reporter = createCommandRenderer(config, io);
  await using store = await openLocalStore(config, invocation);
  await using images = await openImages(config, io, store, reporter);
  await using source = await images.source(name);
  const wanted = textOption(options, 'platform');
  const platform = wanted === undefined ? hostPlatform('linux', io.arch) : parsePlatform(wanted);
  const { config: image } = await readImage(source, platform, io.signal);
  return planRebuild(image.execution.labels);
}
