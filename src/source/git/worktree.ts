/**
 * Finds out which commit the files of a working tree are, without running anything that the
 * repository's own configuration asks for: git reads the repository's objects and a copy of its index through a
 * repository of ours, and never opens the other's configuration (CVE-2024-45496).
 */

import { copyFile, lstat, mkdir, stat, utimes, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import type { CommitInfo } from '../types.ts';
import { readCommit } from './commit.ts';
import type { GitSession } from './session.ts';

/** What is known about a working tree. */
export interface WorktreeState {
  readonly commit: CommitInfo;
  /** The current branch, or `HEAD`. */
  readonly ref: string;
  /** Files and directories that differ from the commit, are not in it, or are missing; relative to the part asked for. */
  readonly changes: readonly string[];
}

/** Tells whether a directory is the top of a repository's working tree. */
export async function isWorktree(directory: string): Promise<boolean> {
  const facts = await lstat(join(directory, '.git')).catch(() => undefined);
  return facts !== undefined && (facts.isDirectory() || facts.isFile());
}

/**
 * Describes a working tree; undefined when git cannot read it or it has no commits.
 *
 * @param scratch an existing, empty directory for the repository of ours
 * @param part the directory of the working tree that matters
 */
export async function describeWorktree(
  git: GitSession,
  directory: string,
  scratch: string,
  part: string | undefined,
): Promise<WorktreeState | undefined> {
  const places = await locate(git, directory);
  if (places === undefined) return undefined;
  const env = await mirror(git, directory, scratch, places);
  if (env === undefined) return undefined;
  const commit = await readCommit(git, places.commit, { env, cwd: directory }).catch(
    () => undefined,
  );
  const changes = commit && (await listChanges(git, directory, env, part));
  return commit && changes && { commit, ref: places.ref, changes };
}

async function listChanges(
  git: GitSession,
  directory: string,
  env: Record<string, string>,
  part: string | undefined,
): Promise<readonly string[] | undefined> {
  const options = ['--porcelain', '-z', '--no-renames', '--untracked-files=normal', '--ignored'];
  const pathspec = part === undefined ? [] : [part];
  // Submodules are only looked at as far as their commit; that they were not touched cannot be told safely.
  const args = ['status', ...options, '--ignore-submodules=dirty', '--', ...pathspec];
  const status = await git.run(args, { cwd: directory, env });
  if (status.code !== 0) return undefined;
  const facts = await lstat(join(directory, '.gitmodules')).catch(() => undefined);
  const prefix = part === undefined ? '' : `${part}/`;
  const paths = status.stdout
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => entry.slice(3).replace(/\/$/, ''))
    .map((path) => (path.startsWith(prefix) ? path.slice(prefix.length) : `../${path}`));
  return facts === undefined ? paths : [...paths, '.gitmodules'];
}

interface Places {
  readonly objects: string;
  readonly index: string;
  readonly commit: string;
  readonly ref: string;
}

/** Asks only what git answers without looking into objects; who owns the directory does not matter for that. */
async function locate(git: GitSession, directory: string): Promise<Places | undefined> {
  const ask = async (...args: string[]): Promise<string | undefined> => {
    const outcome = await git.run(['-c', 'safe.directory=*', 'rev-parse', ...args], {
      cwd: directory,
      env: { GIT_CEILING_DIRECTORIES: resolve(directory, '..') },
    });
    return outcome.code === 0 ? outcome.stdout.replace(/\n$/, '') : undefined;
  };
  const paths = await ask('--git-path', 'objects', '--git-path', 'index');
  const commit = await ask('--verify', '--quiet', 'HEAD');
  const [objects, index, more] = paths?.split('\n') ?? [];
  if (objects === undefined || index === undefined || more !== undefined || commit === undefined)
    return undefined;
  const branch = await ask('--symbolic-full-name', 'HEAD');
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(directory, path));
  return {
    objects: absolute(objects),
    index: absolute(index),
    commit,
    ref: branch?.replace(/^refs\/heads\//, '') ?? 'HEAD',
  };
}

async function mirror(
  git: GitSession,
  directory: string,
  scratch: string,
  places: Places,
): Promise<Record<string, string> | undefined> {
  const format = places.commit.length === 64 ? 'sha256' : 'sha1';
  const repository = join(scratch, 'mirror');
  await mkdir(repository);
  const init = await git.run(['init', '--quiet', `--object-format=${format}`, '--', repository]);
  const index = join(scratch, 'index');
  const copied = await copyIndex(places.index, index).then(
    () => true,
    () => false,
  );
  if (init.code !== 0 || !copied) return undefined;
  await writeFile(join(repository, '.git', 'HEAD'), `${places.commit}\n`);
  return {
    GIT_DIR: join(repository, '.git'),
    GIT_WORK_TREE: directory,
    GIT_OBJECT_DIRECTORY: places.objects,
    GIT_INDEX_FILE: index,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_LITERAL_PATHSPECS: '1',
  };
}

/** Keeps the time of the index: files changed at that very time are compared by content, not by time. */
async function copyIndex(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const { atime, mtime } = await stat(from);
  await utimes(to, atime, mtime);
}
