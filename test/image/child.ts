/** A process of its own that writes an image: `node child.ts DIRECTORY NAME`; for tests that kill it. */

import { join } from 'node:path';
import { copyImage, openDestination } from '../../src/image/index.ts';
import { openStore } from '../../src/store/index.ts';
import { largeImage } from './build-image.ts';

const [, , directory = '', name = ''] = process.argv;
await using store = await openStore(join(directory, 'state'));
const deps = {
  store,
  registry: () => {
    throw new Error('no registry here');
  },
  absolutePath: (path: string) => join(directory, path),
};
const image = largeImage();
process.stdout.write('ready\n');
await using destination = await openDestination(name, deps);
await copyImage(image, destination, { platform: 'all' });
process.stdout.write('done\n');
