/** Sources that are fetched with git. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { report, type SourceDeps } from './deps.ts';
import { readCommit } from './git/commit.ts';
import { fetchCommit, fetchedRef } from './git/fetch.ts';
import { fetchLargeFiles } from './git/lfs.ts';
import { GitSession, readUserSettings } from './git/session.ts';
import { updateSubmodules } from './git/submodules.ts';
import { plainInfo } from './open-stream.ts';
import type { OpenedSource, SourceRequest } from './request.ts';
import { defaultProtocols } from './spec.ts';
import type { GitSourceSpec } from './types.ts';

/** Fetches a repository's commit, submodules and large files into scratch. Throws as `openSource` says. */
export async function openGit(
  deps: SourceDeps,
  request: SourceRequest & { readonly spec: GitSourceSpec },
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<OpenedSource> {
  const { spec } = request;
  const location = spec.git;
  if (location.protocol === 'http') {
    report(
      deps,
      'warning',
      `${spec.location} is fetched over http, where anybody on the way can change it`,
    );
  }
  const remotes = request.protocols ?? defaultProtocols;
  const userSettings = await readUserSettings(deps, signal);
  const git = new GitSession(
    deps,
    { protocols: [...remotes, location.protocol], location, userSettings },
    signal,
  );
  const root = join(scratch, 'tree');
  await mkdir(root);
  const ref = await fetchCommit(deps, git, { location, ref: spec.ref, directory: root }, signal);
  const outside = new GitSession(deps, { protocols: remotes, location, userSettings }, signal);
  if (request.ignoreSubmodules !== true) await updateSubmodules(deps, outside, root, signal);
  await fetchLargeFiles(deps, outside, root);
  const commit = await readCommit(git, fetchedRef, { cwd: root });
  return { root, info: { ...plainInfo(spec), ref, commit } };
}
