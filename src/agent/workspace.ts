/**
 * Workspaces: writable views of stored root file systems, and what was put into them only for the run.
 *
 * A workspace lives in a scratch directory that the client created and locked. With overlay storage the
 * builder's files are the lower directory and everything that changes lands in `upper`; with copy
 * storage the builder's files are copied, in place they are those that we stand on, and the change is
 * found by comparison.
 */

import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BuildError } from '../errors/index.ts';
import { removeTree } from '../layer/index.ts';
import type { Failpoint } from '../store/index.ts';
import { type InPlaceView, viewInPlace } from './in-place.ts';
import { mountOverlay, overlayProblem, unmount } from './overlay.ts';
import type { StorageKind, StoragePreference, WorkspaceRequest } from './protocol.ts';
import type { SecretValue } from './secrets/patterns.ts';
import { runTool } from './tool.ts';

/** An open workspace. */
export interface Workspace {
  /** The scratch directory. */
  readonly directory: string;
  /** The stored root file system below: `fs/` and `index.jsonl`. */
  readonly lower: string;
  /** The root file system as processes see it. */
  readonly root: string;
  /** Where changes land, with overlay storage. */
  readonly upper: string | undefined;
  readonly storage: StorageKind;
  /** In place: what in the root file system is not the image's. */
  readonly inPlace?: InPlaceView;
  /** What runs were given in confidence: no layer may hold it, no output show it. */
  readonly secrets: SecretValue[];
}

/** Keeps track of the open workspaces of this agent. */
export class Workspaces {
  readonly #open = new Map<string, Workspace>();
  readonly #failpoint: Failpoint;

  constructor(failpoint: Failpoint) {
    this.#failpoint = failpoint;
  }

  /** @throws BuildError `INTERNAL` for a workspace that is not open */
  get(directory: string): Workspace {
    const workspace = this.#open.get(directory);
    if (workspace === undefined)
      throw new BuildError('INTERNAL', `no workspace is open at ${directory}`);
    return workspace;
  }

  /** Opens a workspace over a stored root file system. */
  async open(request: WorkspaceRequest, lower: string, signal: AbortSignal): Promise<Workspace> {
    const directory = request.workspace;
    await this.#failpoint('workspace.open');
    const context = { failpoint: this.#failpoint, signal };
    const storage = await chooseStorage(request.storage, directory, context);
    const workspace = await openers[storage](request, lower, context);
    await this.#failpoint('workspace.mounted');
    this.#open.set(directory, workspace);
    return workspace;
  }

  /** Unmounts and deletes a workspace; its scratch directory itself stays. Idempotent. */
  async close(directory: string): Promise<void> {
    const workspace = this.#open.get(directory);
    if (workspace === undefined) return;
    this.#open.delete(directory);
    await this.#failpoint('workspace.unmount');
    if (workspace.storage === 'overlay') await unmount(workspace.root);
    for (const part of ['upper', 'work', 'merged', 'root']) await removeTree(join(directory, part));
  }
}

async function chooseStorage(
  preference: StoragePreference,
  directory: string,
  { signal }: OpenContext,
): Promise<StorageKind> {
  if (preference === 'copy' || preference === 'in-place') return preference;
  const problem = await overlayProblem(directory, signal);
  if (problem === undefined) return 'overlay';
  if (preference === 'auto') return 'copy';
  throw new BuildError('RUNTIME_UNAVAILABLE', `overlay storage cannot be used: ${problem}`, {
    origin: 'runtime',
    suggestion:
      'leave out --storage to let s2oci choose, or put S2OCI_HOME on a file system that is not an overlay itself',
  });
}

interface OpenContext {
  readonly failpoint: Failpoint;
  readonly signal: AbortSignal;
}

type Opener = (
  request: WorkspaceRequest,
  lower: string,
  context: OpenContext,
) => Promise<Workspace>;

const openers: Readonly<Record<StorageKind, Opener>> = {
  overlay: openOverlay,
  copy: openCopy,
  'in-place': openInPlace,
};

async function openInPlace(
  { workspace: directory, inPlace: asked = { ours: [], captured: [] } }: WorkspaceRequest,
  lower: string,
  { signal }: OpenContext,
): Promise<Workspace> {
  const inPlace = await viewInPlace(lower, asked, signal);
  const root = '/';
  return { directory, lower, root, upper: undefined, storage: 'in-place', inPlace, secrets: [] };
}

async function openOverlay(
  { workspace: directory }: WorkspaceRequest,
  lower: string,
  { failpoint, signal }: OpenContext,
): Promise<Workspace> {
  const upper = join(directory, 'upper');
  const root = join(directory, 'merged');
  for (const path of [upper, join(directory, 'work'), root]) mkdirSync(path);
  const lowerRoot = statSync(join(lower, 'fs'));
  chownSync(upper, lowerRoot.uid, lowerRoot.gid);
  chmodSync(upper, lowerRoot.mode & 0o7777);
  await failpoint('workspace.mount');
  await mountOverlay(
    { lower: join(lower, 'fs'), upper, work: join(directory, 'work'), target: root },
    signal,
  );
  return { directory, lower, root, upper, storage: 'overlay', secrets: [] };
}

async function openCopy(
  { workspace: directory }: WorkspaceRequest,
  lower: string,
  { signal }: OpenContext,
): Promise<Workspace> {
  const root = join(directory, 'root');
  await runTool('cp', ['-a', '--reflink=auto', '--', join(lower, 'fs'), root], { signal });
  return { directory, lower, root, upper: undefined, storage: 'copy', secrets: [] };
}
