/**
 * Fetches one commit of a repository into a directory: without history where the server can do that, and
 * never more than one network conversation beyond finding the ref.
 *
 * The ref is data throughout: it is validated before (`parseRef`), stands behind `--end-of-options`, and is
 * fetched to a name of our own, which is what gets checked out (`checkout` of git 2.39 has no `--end-of-options`).
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { BuildError } from '../../errors/index.ts';
import { report, type SourceDeps } from '../deps.ts';
import type { GitLocation } from '../types.ts';
import { gitFailure } from './failure.ts';
import { FetchProgress } from './progress.ts';
import { type RemoteRef, resolveRemoteRef } from './refs.ts';
import type { GitSession } from './session.ts';

/** Our own name for what was fetched. */
export const fetchedRef = 'refs/s2oci/source';

const attempts = 3;

/**
 * Fetches and checks out.
 *
 * @param directory exists and is empty
 * @returns the name of what was fetched, as users know it
 * @throws BuildError `SOURCE_FETCH_FAILED`, `SOURCE_NOT_FOUND`, `SOURCE_INVALID`
 */
export async function fetchCommit(
  deps: SourceDeps,
  git: GitSession,
  input: {
    readonly location: GitLocation;
    readonly ref: string | undefined;
    readonly directory: string;
  },
  signal?: AbortSignal,
): Promise<string> {
  const { location, directory } = input;
  const remote = await withRetries(deps, () => resolveRemoteRef(git, location, input.ref), signal);
  const init = ['init', '--quiet', `--object-format=${remote.objectFormat}`, '--', directory];
  await git.output('prepare a clone', init);
  await git.output('prepare a clone', ['config', 'remote.origin.url', location.url], {
    cwd: directory,
  });
  await withRetries(deps, () => fetchRemote(deps, git, location, remote, directory), signal);
  await git.output(
    'check out the source',
    ['checkout', '--quiet', '--force', '--detach', fetchedRef],
    {
      cwd: directory,
    },
  );
  return remote.name;
}

async function fetchRemote(
  deps: SourceDeps,
  git: GitSession,
  location: GitLocation,
  remote: RemoteRef,
  directory: string,
): Promise<void> {
  const progress = new FetchProgress(deps);
  const fetch = (options: readonly string[], refspecs: readonly string[]) =>
    git.run(
      [
        'fetch',
        '--progress',
        '--no-tags',
        '--no-write-fetch-head',
        ...options,
        '--end-of-options',
        location.url,
        ...refspecs,
      ],
      { cwd: directory, onStderr: (text) => progress.read(text) },
    );
  if (remote.wanted !== undefined) {
    const refspec = `+${remote.wanted}:${fetchedRef}`;
    const shallow = await fetch(['--depth=1'], [refspec]);
    if (shallow.code === 0) return;
    if (/shallow/.test(shallow.stderr)) {
      const deep = await fetch([], [refspec]);
      if (deep.code === 0) return;
    }
    if (!refusesObjectNames(shallow.stderr)) throw gitFailure('fetch the source', shallow);
  }
  report(deps, 'debug', 'the server gives out no single commits: fetching the whole history');
  const whole = await fetch(
    [],
    ['+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*'],
  );
  if (whole.code !== 0) throw gitFailure('fetch the source', whole);
  await pickCommit(git, remote.name, directory);
}

function refusesObjectNames(stderr: string): boolean {
  return /unadvertised object|not our ref|no such remote ref|couldn't find remote ref|unable to find/i.test(
    stderr,
  );
}

async function pickCommit(git: GitSession, name: string, cwd: string): Promise<void> {
  const found = await git.run(['rev-parse', '--verify', '--quiet', `${name}^{commit}`], { cwd });
  if (found.code !== 0) {
    throw new BuildError('SOURCE_NOT_FOUND', `the repository has no commit ${name}`, {
      origin: 'source',
      suggestion: 'check that the commit was pushed and lies on a branch or tag',
    });
  }
  await git.output('check out the source', ['update-ref', fetchedRef, found.stdout.trim()], {
    cwd,
  });
}

/** Runs again what failed for a reason that may pass, such as a reset connection. */
export async function withRetries<T>(
  deps: SourceDeps,
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const again = error instanceof BuildError && error.retryable && attempt < attempts;
      if (!again) throw error;
      report(deps, 'warning', `${error.message}; trying again`);
      await sleep((deps.retryDelayMilliseconds ?? 1000) * attempt, undefined, { signal });
    }
  }
}
