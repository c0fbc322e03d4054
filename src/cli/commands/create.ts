/** `s2oci create`: a new builder image to start from. */

import type { CommandSpec } from '../command.ts';

/** Writes the skeleton of a builder image. */
export const createCommand: CommandSpec = {
  name: 'create',
  summary: 'write the skeleton of a builder image',
  description:
    'Writes a Dockerfile, S2I scripts, a test and a README that work before anything in them is changed. Files that exist are left alone.',
  arguments: [
    { name: '<name>', description: 'name of the builder image' },
    { name: '<directory>', description: 'where the files go' },
  ],
  examples: ['s2oci create my-builder ./my-builder'],
  run: async (invocation) => (await import('../actions/create.ts')).create(invocation),
};
