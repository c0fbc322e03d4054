/** Opens a source: brings it to this machine if need be, and says what it is. */

import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { byteStringOf } from '../model/index.ts';
import { report, type SourceDeps } from './deps.ts';
import { maxIgnoreFileSize, parseIgnoreFile } from './ignore/parse.ts';
import { compileIgnore, defaultExclude, type IgnoreRules } from './ignore/rules.ts';
import { readSourceFile, resolveContextDir } from './inside.ts';
import { openGit } from './open-git.ts';
import { openLocal } from './open-local.ts';
import { openStream } from './open-stream.ts';
import type { OpenedSource, SourceRequest } from './request.ts';
import type { SourceInfo, SourceTree } from './types.ts';

/**
 * Opens a source. A directory is used in place, as it is; everything else is brought into the scratch
 * directory. Disposing the tree removes what was brought; when opening fails nothing is left.
 *
 * @throws BuildError `SOURCE_NOT_FOUND`, `SOURCE_INVALID`, `SOURCE_FETCH_FAILED`, `PATH_UNSAFE`, `TAR_INVALID`,
 * `COMPRESSION_INVALID`, `LIMIT_EXCEEDED`, `USAGE_INVALID` (exclude)
 */
export async function openSource(
  deps: SourceDeps,
  request: SourceRequest,
  signal?: AbortSignal,
): Promise<SourceTree> {
  const scratch = await mkdtemp(join(await realpath(deps.scratchDir), 'source-'));
  const dispose = (): Promise<void> => rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  try {
    const opened = await openKind(deps, request, scratch, signal);
    const path = await resolveContextDir(await realpath(opened.root), request.spec.contextDir);
    const ignore = await readIgnoreRules(deps, path, request.exclude);
    const info = judged(opened, ignore);
    const exact = info.commit !== undefined && info.modified !== true;
    return {
      path,
      info,
      ...(exact ? { epoch: info.commit?.time ?? 0 } : {}),
      ignore,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function openKind(
  deps: SourceDeps,
  request: SourceRequest,
  scratch: string,
  signal: AbortSignal | undefined,
): Promise<OpenedSource> {
  const { spec } = request;
  switch (spec.kind) {
    case 'git':
      return openGit(deps, { ...request, spec }, scratch, signal);
    case 'local':
      return openLocal(deps, { ...request, spec }, scratch, signal);
    default:
      return openStream(deps, { ...request, spec }, scratch, signal);
  }
}

/** A change to what is left out changes nothing that is built. */
function judged({ info, changes }: OpenedSource, ignore: IgnoreRules): SourceInfo {
  if (changes === undefined) return info;
  const matcher = compileIgnore(ignore);
  const modified = changes.some((path) => {
    const bytes = byteStringOf(path);
    return path === '.gitmodules' || !(matcher.ignores(bytes, false) && matcher.prunes(bytes));
  });
  return { ...info, modified };
}

async function readIgnoreRules(
  deps: SourceDeps,
  path: string,
  exclude: string | undefined,
): Promise<IgnoreRules> {
  const name = '.s2iignore';
  const bytes = await readSourceFile(path, name, maxIgnoreFileSize);
  const rules = { exclude: exclude ?? defaultExclude };
  if (bytes === undefined) return rules;
  const { warnings, ...file } = parseIgnoreFile(bytes.toString('utf8'), name, 's2i');
  for (const warning of warnings) report(deps, 'warning', warning);
  return { ...rules, file };
}
