/** `s2oci copy`: moves an image between any two places, byte for byte. */

import type { CommandSpec } from '../command.ts';
import { registryOptions, reportOptions } from './build-options.ts';

/** Copies an image; digests stay what they are. */
export const copyCommand: CommandSpec = {
  name: 'copy',
  summary: 'copy an image between registries, layouts and archives',
  arguments: [
    {
      name: '<source>',
      description: 'reference, oci:DIR[:tag], oci-archive:FILE or docker-archive:FILE',
    },
    { name: '<destination>', description: 'where to, in the same forms' },
  ],
  options: [
    { flags: '--all', description: 'copy every platform of an index, and the index itself' },
    { flags: '--platform <platform>', description: 'platform to take from an index' },
    ...registryOptions,
    ...reportOptions,
  ],
  examples: ['s2oci copy oci:./builder:24 127.0.0.1:5000/builders/node:24'],
  run: async (invocation) => (await import('../actions/copy.ts')).copy(invocation),
};
