/** `s2oci inspect`: what an image is, without fetching its layers. */

import { readImage } from '../../image/index.ts';
import { hostPlatform, isIndexType, parsePlatform } from '../../model/index.ts';
import { flagOption, type Invocation, textOption } from '../command.ts';
import { openImages } from '../images.ts';
import { createCommandRenderer } from '../reporting.ts';
import { loadSettings, openLocalStore } from '../wiring.ts';

/** Prints the image, its config or its manifest. */
export async function inspect(invocation: Invocation): Promise<number> {
  const { args, options, io } = invocation;
  const [name = ''] = args;
  const settings = await loadSettings(invocation);
  const reporter = createCommandRenderer(settings, io);
  await using store = await openLocalStore(settings, invocation);
  await using images = await openImages(settings, io, store, reporter);
  await using source = await images.source(name);
  const root = await source.resolve(io.signal);
  if (flagOption(options, 'raw')) {
    io.stdout.write(await source.readManifest(root, io.signal));
    return 0;
  }
  const wanted = textOption(options, 'platform');
  const platform = wanted === undefined ? hostPlatform('linux', io.arch) : parsePlatform(wanted);
  const image = await readImage(source, platform, io.signal);
  if (flagOption(options, 'config')) {
    io.stdout.write(image.configBytes);
    return 0;
  }
  const { config, manifest, descriptor } = image;
  const summary = {
    name: source.name,
    digest: descriptor.digest,
    ...(isIndexType(root.mediaType) ? { index: root.digest } : {}),
    mediaType: descriptor.mediaType,
    imageId: manifest.config.digest,
    created: config.document['created'],
    platform: config.platform,
    size: manifest.layers.reduce((sum, layer) => sum + layer.size, 0),
    layers: manifest.layers.map((layer, i) => ({ ...layer, diffId: config.diffIds[i] })),
    execution: config.execution,
    annotations: manifest.annotations,
  };
  io.stdout.write(`${JSON.stringify(summary, undefined, 2)}\n`);
  return 0;
}
