/** `s2oci copy`: moves an image between any two places, byte for byte. */

import { copyImage } from '../../image/index.ts';
import { hostPlatform, parsePlatform } from '../../model/index.ts';
import { flagOption, type Invocation, textOption } from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { loadSettings, openLocalStore } from '../wiring.ts';

/** Runs the command with its arguments: from where, and where to. */
export async function copy(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  const [from = '', to = ''] = args;
  const config = await loadSettings(invocation);
  const renderer = createCommandRenderer(config, io);
  await using store = await openLocalStore(config, invocation);
  await using images = await openImages(config, io, store, renderer);
  await using source = await images.source(from);
  await using destination = await images.destination(to);
  const wanted = textOption(options, 'platform');
  const platform = wanted === undefined ? hostPlatform('linux', io.arch) : parsePlatform(wanted);
  const result = await copyImage(source, destination, {
    platform: flagOption(options, 'all') ? 'all' : platform,
    signal: io.signal,
    reporter: renderer,
  });
  renderer.finish({ ok: true, summary: {} });
  io.stdout.write(`${result.reference}\n`);
  return 0;
}
