/** Sources on this machine: a directory as it is, what is committed in it, or a tar archive. */

import { realpath, stat } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { BuildError } from '../errors/index.ts';
import { displayText } from '../model/index.ts';
import { report, type SourceDeps } from './deps.ts';
import { GitSession } from './git/session.ts';
import { describeWorktree, isWorktree } from './git/worktree.ts';
import { openGit } from './open-git.ts';
import { openArchiveFile, plainInfo } from './open-stream.ts';
import type { OpenedSource, SourceRequest } from './request.ts';
import type { LocalSourceSpec } from './types.ts';

type LocalRequest = SourceRequest & { readonly spec: LocalSourceSpec };

/** Opens a path. A directory is not copied. Throws as `openSource` says. */
export async function openLocal(
  deps: SourceDeps,
  request: LocalRequest,
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<OpenedSource> {
  const found = await findPath(request);
  const { path, isDirectory } = found;
  const { spec } = found.request;
  if (!isDirectory) {
    if (spec.content === 'head') throw noRepository(spec);
    return openArchiveFile(path, found.request, scratch, signal);
  }
  const root = await realpath(path);
  const repository = await isWorktree(root);
  if (spec.content === 'tree') {
    return repository
      ? await openWorktree(deps, spec, root, scratch, signal)
      : { root, info: plainInfo(spec) };
  }
  if (!repository) throw noRepository(spec);
  const git = { url: pathToFileURL(root).href, protocol: 'file' } as const;
  return openGit(deps, { ...request, spec: { ...spec, kind: 'git', git } }, scratch, signal);
}

/** A path that does not exist without its `#ref` may be one whose name holds a `#`. */
async function findPath(
  request: LocalRequest,
): Promise<{ path: string; isDirectory: boolean; request: LocalRequest }> {
  const { spec } = request;
  const asParsed = await factsOf(spec.path);
  if (asParsed !== undefined) return { path: spec.path, ...asParsed, request };
  const literal = spec.literalPath === spec.path ? undefined : await factsOf(spec.literalPath);
  if (literal === undefined) throw notFound(spec);
  const { ref: _, ...rest } = spec;
  const plain: LocalSourceSpec = {
    ...rest,
    path: spec.literalPath,
    location: spec.literalPath,
    content: 'tree',
  };
  return { path: spec.literalPath, ...literal, request: { ...request, spec: plain } };
}

async function factsOf(path: string): Promise<{ isDirectory: boolean } | undefined> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory() || facts.isFile() || facts.isFIFO())
      return { isDirectory: facts.isDirectory() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    return undefined;
  }
  throw new BuildError(
    'SOURCE_INVALID',
    `${displayText(path)} is neither a directory nor an archive`,
    {
      origin: 'source',
    },
  );
}

async function openWorktree(
  deps: SourceDeps,
  spec: LocalSourceSpec,
  root: string,
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<OpenedSource> {
  const info = plainInfo(spec);
  const git = new GitSession(deps, { protocols: [], userSettings: [] }, signal);
  try {
    const state = await describeWorktree(git, root, scratch, spec.contextDir);
    if (state === undefined) return { root, info };
    const { commit, ref, changes } = state;
    return { root, info: { ...info, ref, commit }, changes };
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    report(deps, 'debug', `the repository cannot be described: ${error.message}`);
    return { root, info };
  }
}

function notFound(spec: LocalSourceSpec): BuildError {
  return new BuildError('SOURCE_NOT_FOUND', `source ${displayText(spec.path)} does not exist`, {
    origin: 'source',
    suggestion:
      'check the path; an address of a repository begins with https:// or ssh://, or has the form host:path',
  });
}

function noRepository(spec: LocalSourceSpec): BuildError {
  return new BuildError(
    'SOURCE_INVALID',
    `${displayText(spec.path)} is not the top of a git repository, so it has no commits to build`,
    {
      origin: 'source',
      suggestion: 'leave out --git-head and the ref to build the files as they are',
    },
  );
}
