/** Opens the source of a build. */

import { openSource, parseSource, type SourceTree } from '../source/index.ts';
import type { BuildDeps } from './deps.ts';
import type { BuildRequest } from './request.ts';

/**
 * Opens the source that a request names; its scratch directory goes with `resources`.
 *
 * @throws BuildError `SOURCE_INVALID`, `SOURCE_NOT_FOUND`, `SOURCE_FETCH_FAILED`, `PATH_UNSAFE`, `USAGE_INVALID`
 */
export async function openBuildSource(
  deps: Pick<BuildDeps, 'store' | 'stdin' | 'reporter' | 'now' | 'env'>,
  request: BuildRequest,
  resources: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<SourceTree> {
  const { store, stdin, reporter, now, env } = deps;
  const { source, ref, contextDir, copy, gitHead, exclude, ignoreSubmodules } = request;
  const spec = parseSource(source, {
    copy,
    gitHead,
    ...(ref === undefined ? {} : { ref }),
    ...(contextDir === undefined ? {} : { contextDir }),
  });
  const scratch = resources.use(await store.createScratch());
  return openSource(
    { scratchDir: scratch.path, stdin, reporter, now, env },
    { spec, ignoreSubmodules, ...(exclude === undefined ? {} : { exclude }) },
    signal,
  );
}
