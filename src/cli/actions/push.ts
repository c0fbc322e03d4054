/** `s2oci push`: `copy` for those who look for it under this name, into registries only. */

import { BuildError } from '../../errors/index.ts';
import { parseTransport } from '../../image/index.ts';
import type { Invocation } from '../command.ts';
import { copy } from './copy.ts';

/** Copies, when the destination is a registry. */
export async function push(invocation: Invocation): Promise<number> {
  const [, destination = ''] = invocation.args;
  if (parseTransport(destination).transport !== 'registry') {
    throw new BuildError('USAGE_INVALID', `${destination} is not in a registry`, {
      suggestion: 's2oci copy SOURCE DESTINATION writes layouts and archives too',
    });
  }
  return copy(invocation);
}
