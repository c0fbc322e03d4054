/** `s2oci push`: `copy` for those who look for it under this name, into registries only. */

import { BuildError } from '../../errors/index.ts';
import { parseTransport } from '../../image/index.ts';
import type { CommandSpec, Invocation } from '../command.ts';
import { copy, copyCommand } from './copy.ts';

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
  run: push,
};

async function push(invocation: Invocation): Promise<number> {
  const [, destination = ''] = invocation.args;
  if (parseTransport(destination).transport !== 'registry') {
    throw new BuildError('USAGE_INVALID', `${destination} is not in a registry`, {
      suggestion: 's2oci copy SOURCE DESTINATION writes layouts and archives too',
    });
  }
  return copy(invocation);
}
