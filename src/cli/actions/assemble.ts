/** `s2oci assemble`: the first half of a build. */

import { BuildError } from '../../errors/index.ts';
import { parseTransport } from '../../image/index.ts';
import { type Invocation, textOption } from '../command.ts';
import { runBuild } from './run-build.ts';

/** Builds into the layout that was named. */
export async function assemble(invocation: Invocation): Promise<number> {
  const { args, options } = invocation;
  const to = textOption(options, 'to') ?? '';
  const isLocal = to !== '' && parseTransport(to).transport !== 'registry';
  if (!isLocal) {
    throw new BuildError('USAGE_INVALID', 'assemble needs --to with a layout or an archive', {
      suggestion: 'for example --to oci:./image:1; s2oci push sends it to a registry',
    });
  }
  const builderFrom = textOption(options, 'builderFrom');
  return runBuild({ ...invocation, args: [...args, to] }, [], { builderFrom });
}
