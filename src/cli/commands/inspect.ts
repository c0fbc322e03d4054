/** `s2oci inspect`: what an image is, without fetching its layers. */

import type { CommandSpec } from '../command.ts';
import { registryOptions } from './build-options.ts';

/** Shows manifest, config or a summary of an image as JSON. */
export const inspectCommand: CommandSpec = {
  name: 'inspect',
  summary: 'show an image as JSON',
  arguments: [
    {
      name: '<image>',
      description: 'reference, oci:DIR[:tag], oci-archive:FILE or docker-archive:FILE',
    },
  ],
  options: [
    { flags: '--raw', description: 'the manifest or index byte for byte' },
    { flags: '--config', description: 'the image config' },
    { flags: '--platform <platform>', description: 'platform to take from an index' },
    ...registryOptions,
  ],
  examples: [
    's2oci inspect registry.example.com/apps/hello:1',
    's2oci inspect --config oci:./layout:1',
  ],
  run: async (invocation) => (await import('../actions/inspect.ts')).inspect(invocation),
};
