/** Finds out what a ref of a remote repository is, before anything is fetched. */

import { BuildError } from '../../errors/index.ts';
import { displayText } from '../../model/index.ts';
import { isAbbreviatedObjectName, isObjectName } from '../ref.ts';
import type { GitLocation } from '../types.ts';
import { type GitSession, nonEmpty } from './session.ts';

/** What to ask the server for. */
export interface RemoteRef {
  /** A full ref name or object name; undefined when only the whole history can tell. */
  readonly wanted: string | undefined;
  /** As shown to users: the ref as asked for, or the default branch. */
  readonly name: string;
  readonly objectFormat: 'sha1' | 'sha256';
}

/**
 * Resolves a ref: a full object name is taken as it is; else a branch, then a tag, then any other ref of that
 * name, then the beginning of an object name. Without a ref it is what the server's HEAD points to.
 *
 * @throws BuildError `SOURCE_NOT_FOUND` when there is no such ref or the repository has no commits
 */
export async function resolveRemoteRef(
  git: GitSession,
  location: GitLocation,
  ref: string | undefined,
): Promise<RemoteRef> {
  if (ref !== undefined && isObjectName(ref)) {
    return { wanted: ref, name: ref, objectFormat: ref.length === 64 ? 'sha256' : 'sha1' };
  }
  const candidates = ref === undefined || ref === 'HEAD' ? ['HEAD'] : candidatesFor(ref);
  const args = ['ls-remote', '--symref', '--end-of-options', location.url, ...candidates];
  const listing = parseListing(await git.output('reach the repository', args));
  const objectFormat = listing.objectNameLength === 64 ? 'sha256' : 'sha1';
  const found = candidates.find((candidate) => listing.names.has(candidate));
  if (found === 'HEAD') return { wanted: 'HEAD', name: listing.head ?? 'HEAD', objectFormat };
  if (found !== undefined) return { wanted: found, name: ref ?? found, objectFormat };
  if (ref === undefined || ref === 'HEAD') throw noCommits();
  if (isAbbreviatedObjectName(ref)) return { wanted: undefined, name: ref, objectFormat };
  throw await noSuchRef(git, location, ref);
}

function candidatesFor(ref: string): readonly string[] {
  if (ref.startsWith('refs/')) return [ref];
  return [`refs/heads/${ref}`, `refs/tags/${ref}`, `refs/${ref}`];
}

interface Listing {
  readonly names: ReadonlySet<string>;
  readonly head: string | undefined;
  readonly objectNameLength: number;
}

function parseListing(text: string): Listing {
  const names = new Set<string>();
  let head: string | undefined;
  let objectNameLength = 40;
  for (const line of text.split('\n')) {
    const [left = '', name = ''] = line.split('\t');
    if (left.startsWith('ref: ')) {
      if (name === 'HEAD') head = left.slice(5).replace(/^refs\/heads\//, '');
    } else if (name !== '') {
      names.add(name);
      objectNameLength = left.length;
    }
  }
  return { names, head, objectNameLength };
}

async function noSuchRef(git: GitSession, location: GitLocation, ref: string): Promise<BuildError> {
  const args = ['ls-remote', '--heads', '--end-of-options', location.url];
  const { names } = parseListing(
    nonEmpty(await git.output('reach the repository', args), 'ls-remote'),
  );
  const branches = [...names].map((name) => displayText(name.replace(/^refs\/heads\//, '')));
  const shown = branches.slice(0, 8).join(', ');
  return new BuildError(
    'SOURCE_NOT_FOUND',
    `the repository has no branch, tag or commit ${JSON.stringify(ref)}`,
    {
      origin: 'source',
      suggestion: `its branches are ${shown}${branches.length > 8 ? `, and ${branches.length - 8} more` : ''}`,
    },
  );
}

function noCommits(): BuildError {
  return new BuildError('SOURCE_INVALID', 'the repository is empty: it has no commits', {
    origin: 'source',
    suggestion: 'commit and push something, or name a branch with --ref',
  });
}
