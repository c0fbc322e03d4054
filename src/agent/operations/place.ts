/** Puts files of the host, and archives that scripts wrote, into a workspace. */

import { chmodSync, createReadStream, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BuildError } from '../../errors/index.ts';
import { copyTree, removeTree, resolveInRoot } from '../../layer/index.ts';
import type { ByteString } from '../../model/index.ts';
import { compileIgnore, extractArchive, type IgnoreMatcher } from '../../source/index.ts';
import type {
  AgentIdMapping,
  AgentOperations,
  PlaceArchiveRequest,
  PlaceTreeRequest,
} from '../protocol.ts';
import { runTool } from '../tool.ts';
import type { Workspace } from '../workspace.ts';

/** What placing needs. */
export interface PlaceDeps {
  readonly idMapping: AgentIdMapping;
}

/**
 * Copies a directory to an absolute path of the container, replacing what is there or joining it.
 *
 * Owner, times and the write permission of others become what S2I gives sources, whatever the user's
 * umask and checkout were; ignored paths are left out. Under a single id everything is ours, and the
 * owner is given when the layer is captured.
 */
export async function placeTree(
  { idMapping }: PlaceDeps,
  workspace: Workspace,
  request: PlaceTreeRequest,
  signal: AbortSignal,
): Promise<AgentOperations['placeTree']['result']> {
  refuseOverlap(workspace, request);
  const target = request.merge
    ? madeDirectory(workspace.root, request.to)
    : await emptyDirectory(workspace.root, request.to);
  const ignored = request.ignore === undefined ? undefined : compileIgnore(request.ignore);
  return copyTree(
    request.from,
    target,
    {
      ...(ignored === undefined ? {} : { filter: keptBy(ignored) }),
      ...(idMapping.kind === 'single' ? {} : { owner: request.owner }),
      modeMask: 0o022,
      mtime: request.mtime,
      symlinks: request.symlinks,
      ...(request.executable === undefined ? {} : { executable: request.executable }),
    },
    signal,
  );
}

/** In place, the user's own directory may be where the source goes, which is emptied first. */
function refuseOverlap({ inPlace }: Workspace, { from, to }: PlaceTreeRequest): void {
  const within = (path: string, directory: string) => `${path}/`.startsWith(`${directory}/`);
  if (inPlace === undefined || !(within(from, to) || within(to, from))) return;
  throw new BuildError('SOURCE_INVALID', `the source ${from} is where the build copies it: ${to}`, {
    suggestion: 'have the source in another directory, such as a volume of its own',
  });
}

function keptBy(ignored: IgnoreMatcher): (path: ByteString, isDirectory: boolean) => boolean {
  return (path, isDirectory) =>
    isDirectory ? !ignored.prunes(path) : !ignored.ignores(path, false);
}

/**
 * Extracts an archive to an absolute path of the container: strictly, and all of it or nothing. Nobody but the owner may
 * enter the directory, as in the original.
 */
export async function placeArchive(
  { idMapping }: PlaceDeps,
  workspace: Workspace,
  request: PlaceArchiveRequest,
  signal: AbortSignal,
): Promise<void> {
  const target = await emptyDirectory(workspace.root, request.to);
  const { uid, gid } = request.owner;
  try {
    await extractArchive(
      createReadStream(request.archive),
      target,
      'the output of save-artifacts',
      // Cut off between two entries, it would look whole.
      { requireEndMarker: true },
      signal,
    );
    chmodSync(target, 0o700);
    if (idMapping.kind === 'full')
      await runTool('chown', ['-R', '-h', '--', `${uid}:${gid}`, target], { signal });
  } catch (error) {
    await removeTree(target);
    throw error;
  }
}

/** Gives a directory beside the root file system to a user; under a single id everything is ours anyway. */
export async function giveTree(
  idMapping: AgentIdMapping,
  workspace: Workspace,
  request: AgentOperations['giveTree']['input'],
  signal: AbortSignal,
): Promise<void> {
  if (idMapping.kind === 'single') return;
  const { uid, gid } = request.owner;
  const path = join(workspace.directory, basename(request.name));
  await runTool('chown', ['-R', '-h', '--', `${uid}:${gid}`, path], { signal });
}

/** Makes an empty directory at a path of the container and returns its path here. */
async function emptyDirectory(root: string, path: string): Promise<string> {
  const target = madeDirectory(root, path);
  for (const name of readdirSync(target)) await removeTree(join(target, name));
  return target;
}

function madeDirectory(root: string, path: string): string {
  return resolveInRoot(root, path, { makeDirectories: true }).path;
}
