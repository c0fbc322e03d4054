/** Downloads the layers of an image for this machine into a directory and prints what its config says. */

import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { hexOf, Registry } from 's2oci';

const [reference = '', directory = 'layers'] = process.argv.slice(2);

await using registry = new Registry();
const image = await registry.fetch(reference);
await mkdir(directory, { recursive: true });

for (const layer of image.manifest.layers) {
  // The stream continues after cuts, and fails at its end should the content not match its digest.
  const stream = await image.openLayer(layer);
  await pipeline(stream, createWriteStream(join(directory, hexOf(layer.digest))));
}

const { platform, execution } = image.config;
console.log(JSON.stringify({ digest: image.descriptor.digest, platform, execution }, undefined, 2));
