/** `s2oci build`: the main job. */

import type { Invocation } from '../command.ts';
import { buildOptions } from '../commands/build-options.ts';
import { runBuild } from './run-build.ts';
import { completeInvocation } from './saved-build.ts';

/** Builds what was typed, or what .s2ifile remembers. */
export async function buildTyped(typed: Invocation): Promise<number> {
  const { invocation, notices } = await completeInvocation(typed, buildOptions);
  return runBuild(invocation, notices);
}
