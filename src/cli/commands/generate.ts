/** `s2oci generate`: the Dockerfile of builds with a builder image, without a source. */

import type { CommandSpec } from '../command.ts';
import { registryOptions, reportOptions } from './build-options.ts';
import { daemonOptions } from './s2i-flags.ts';

/** Writes a Dockerfile that builds any source beside it. */
export const generateCommand: CommandSpec = {
  name: 'generate',
  summary: 'write a Dockerfile for builds with a builder image',
  description:
    'Writes a Dockerfile that builds the source in upload/src beside it. The image is only looked at.',
  arguments: [
    { name: '<builder>', description: 'builder image, in any form that build takes' },
    { name: '<file>', description: 'the Dockerfile to write' },
  ],
  options: [
    { flags: '-e, --env <NAME=VALUE>', description: 'environment of the image', repeatable: true },
    { flags: '--assemble-user <user>', description: 'user that assemble runs as' },
    { flags: '--platform <platform>', description: 'platform to take from an index' },
    ...registryOptions,
    ...reportOptions,
    ...daemonOptions,
  ],
  examples: ['s2oci generate registry.example.com/builders/node:24 Dockerfile'],
  run: async (invocation) => (await import('../actions/generate.ts')).generate(invocation),
};
