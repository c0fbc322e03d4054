/**
 * Checks out submodules, recursively, each without history where its server can do that.
 *
 * Their addresses come from the repository, so no path of this machine is ever one (CVE-2022-39253), whatever
 * the source itself may use.
 */

import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { report, type SourceDeps } from '../deps.ts';
import { gitFailure } from './failure.ts';
import { withRetries } from './fetch.ts';
import type { GitSession } from './session.ts';

/**
 * Checks out the submodules of a clone, if it has any.
 *
 * @param git a session whose policy does not allow `file`
 * @throws BuildError `SOURCE_FETCH_FAILED`, `SOURCE_NOT_FOUND`, `SOURCE_INVALID`
 */
export async function updateSubmodules(
  deps: SourceDeps,
  git: GitSession,
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  const facts = await lstat(join(directory, '.gitmodules')).catch(() => undefined);
  if (facts?.isFile() !== true) return;
  report(deps, 'info', 'fetching submodules');
  const update = ['submodule', 'update', '--init', '--recursive', '--force', '--quiet'];
  const shallow = await git.run([...update, '--depth=1'], { cwd: directory });
  if (shallow.code === 0) return;
  report(deps, 'debug', 'a submodule cannot be fetched without its history');
  const whole = async (): Promise<void> => {
    const outcome = await git.run(update, { cwd: directory });
    if (outcome.code !== 0) throw gitFailure('fetch the submodules', outcome);
  };
  await withRetries(deps, whole, signal);
}
