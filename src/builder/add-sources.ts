/** Sources of ADD that are not in the context: files and repositories that are fetched first. */

import type { CopySource } from '../agent/index.ts';
import { BuildError } from '../errors/index.ts';
import type { Step, StepContext } from './step.ts';

/** The sources of an instruction by where they are. */
export interface FetchedSources {
  /** Patterns in the context. */
  readonly local: readonly string[];
  readonly fetched: readonly CopySource[];
}

/** Fetches what an ADD names by address; everything is local to a COPY. */
export async function fetchSources(
  _context: StepContext,
  step: Step<'copy' | 'add'>,
): Promise<FetchedSources> {
  const isRemote = (source: string) => /^(?:https?|git|ssh):\/\/|^git@/i.test(source);
  if (step.kind === 'copy' || !step.sources.some(isRemote))
    return { local: step.sources, fetched: [] };
  throw new BuildError('DOCKERFILE_INVALID', 'ADD of addresses is not there yet');
}
