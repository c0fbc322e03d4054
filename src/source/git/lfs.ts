/**
 * Files kept in Git LFS. A checkout has only pointers to them, because the filters a repository asks for
 * are never run; where git-lfs is installed it is called on our own account, else the user is warned.
 */

import { displayText } from '../../model/index.ts';
import { report, type SourceDeps } from '../deps.ts';
import { gitFailure } from './failure.ts';
import type { GitSession } from './session.ts';

/** What `git lfs` needs to find itself installed. */
const filterSettings: readonly string[] = [
  '-c', 'filter.lfs.clean=git-lfs clean -- %f',
  '-c', 'filter.lfs.smudge=git-lfs smudge -- %f',
  '-c', 'filter.lfs.process=git-lfs filter-process',
  '-c', 'filter.lfs.required=true',
]; // biome-ignore format: pairs

/**
 * Replaces the pointers of a clone by their content, if it has any.
 *
 * @throws BuildError `SOURCE_FETCH_FAILED` when git-lfs is there but fails
 */
export async function fetchLargeFiles(
  deps: SourceDeps,
  git: GitSession,
  directory: string,
): Promise<void> {
  const listing = await git.output(
    'list large files',
    ['ls-files', '-z', '--', ':(attr:filter=lfs)'],
    { cwd: directory },
  );
  const paths = listing.split('\0').filter((path) => path !== '');
  if (paths.length === 0) return;
  if ((await git.run(['lfs', 'version'], { cwd: directory })).code !== 0) {
    report(
      deps,
      'warning',
      `git-lfs is not installed: ${paths.length} files, such as ${displayText(paths[0] ?? '')}, are only pointers to their content`,
    );
    return;
  }
  report(deps, 'info', `fetching ${paths.length} files from Git LFS`);
  const outcome = await git.run([...filterSettings, 'lfs', 'pull'], { cwd: directory });
  if (outcome.code !== 0) throw gitFailure('fetch the files kept in Git LFS', outcome);
}
