/** `s2oci rebuild`: the same build again, as the labels of an image describe it. */

import type { CommandSpec } from '../command.ts';
import { buildOptions } from './build-options.ts';

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
  run: async (invocation) => (await import('../actions/rebuild.ts')).rebuild(invocation),
};
