/** Copies what a build made in one root file system into another: artifacts into a runtime image. */

import { chmodSync, chownSync, copyFileSync, lstatSync, utimesSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { copyTree, removeTree, resolveInRoot } from '../../layer/index.ts';
import { displayText } from '../../model/index.ts';
import type { AgentOperations, CopyBetweenRequest } from '../protocol.ts';
import type { Workspaces } from '../workspace.ts';
import type { PlaceDeps } from './place.ts';

type Copied = AgentOperations['copyBetween']['result'];

/**
 * Copies a file or directory under its own name. Like a source, it belongs to one owner, has one time, and others may
 * not write to it; what was there under the name is replaced.
 *
 * @throws BuildError `BUILDER_INVALID` when it does not exist, or is neither file nor directory
 */
export async function copyBetween(
  { idMapping }: PlaceDeps,
  workspaces: Workspaces,
  request: CopyBetweenRequest,
  signal: AbortSignal,
): Promise<Copied> {
  const { from, into, mtime } = request;
  const { path: source } = resolveInRoot(workspaces.get(request.workspace).root, from);
  const stat = lstatSync(source, { throwIfNoEntry: false });
  if (stat === undefined) throw unusable(from, 'it does not exist after assemble');
  if (!stat.isFile() && !stat.isDirectory())
    throw unusable(from, 'it is neither a file nor a directory');
  const owner = idMapping.kind === 'single' ? undefined : request.owner;
  const { root, secrets } = workspaces.get(into.workspace);
  secrets.push(...workspaces.get(request.workspace).secrets);
  const { path: directory, created } = resolveInRoot(root, into.directory, {
    makeDirectories: true,
  });
  const seconds = Number(mtime) / 1e9;
  const target = join(directory, basename(from));
  await removeTree(target);
  const result = stat.isDirectory()
    ? await copyTree(
        source,
        target,
        {
          ...(owner === undefined ? {} : { owner }),
          modeMask: 0o022,
          mtime,
          symlinks: 'preserve',
        },
        signal,
      )
    : copyFile(source, target, stat.mode & 0o755);
  for (const path of stat.isFile() ? [...created, target] : created) {
    if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
    utimesSync(path, seconds, seconds);
  }
  return result;
}

function copyFile(source: string, target: string, mode: number): Copied {
  copyFileSync(source, target);
  chmodSync(target, mode);
  return { files: 1, bytes: lstatSync(target).size, warnings: [] };
}

function unusable(path: string, why: string): BuildError {
  return new BuildError('BUILDER_INVALID', `cannot copy ${displayText(path)}: ${why}`, {
    origin: 'builder',
    suggestion: 'check --runtime-artifact, or the label of the runtime image that stands for it',
  });
}
