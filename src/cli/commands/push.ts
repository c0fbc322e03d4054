/** `s2oci push`: `copy` for those who look for it under this name, into registries only. */

import type { CommandSpec } from '../command.ts';
import { copyCommand } from './copy.ts';

/** Pushes an image to a registry. */
export const pushCommand: CommandSpec = {
  ...copyCommand,
  name: 'push',
  summary: 'push an image from a layout or archive to a registry',
  description:
    'Pushes an image to a registry, byte for byte. The same as copy with a registry as its destination; blobs that the registry has are not sent. Prints the reference with its digest.',
  arguments: [
    { name: '<source>', description: 'oci:DIR[:tag], oci-archive:FILE or docker-archive:FILE' },
    { name: '<reference>', description: 'where to: registry, name and tag' },
  ],
  examples: ['s2oci push oci:./layout:1 registry.example.com/apps/hello:1'],
  run: async (invocation) => (await import('../actions/push.ts')).push(invocation),
};
