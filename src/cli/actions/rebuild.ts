/** `s2oci rebuild`: the same build again, as the labels of an image describe it. */

import { readImage } from '../../image/index.ts';
import { hostPlatform, parsePlatform } from '../../model/index.ts';
import { planRebuild, type RebuildPlan } from '../../s2i/index.ts';
import { type Invocation, textOption } from '../command.ts';
import { acceptS2iFlags } from '../commands/s2i-flags.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { loadSettings, openLocalStore } from '../wiring.ts';
import { runBuild } from './run-build.ts';

/** Reads what to build out of the labels, and builds it. */
export async function rebuild(typed: Invocation): Promise<number> {
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
