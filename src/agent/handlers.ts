/** Wires the operations of the agent to the store, the workspaces and the runtimes. */

import { BuildError } from '../errors/index.ts';
import { removeTree, treeProblem } from '../layer/index.ts';
import {
  chooseRuntime,
  type RuntimeDeps,
  readIdentity,
  runtimes,
  searchTools,
} from '../runtime/index.ts';
import type { Failpoint, Rootfs, Store } from '../store/index.ts';
import { capture } from './operations/capture.ts';
import { copyFiles, digestFiles } from './operations/copy.ts';
import { copyBetween } from './operations/copy-between.ts';
import { readFiles } from './operations/files.ts';
import { findLeavable } from './operations/leavable.ts';
import { giveTree, placeArchive, placeTree } from './operations/place.ts';
import { prepareRootfs } from './operations/rootfs.ts';
import { runProcess } from './operations/run.ts';
import { squash } from './operations/squash.ts';
import type { ClientMessage, WorkspaceRequest } from './protocol.ts';
import type { OperationHandlers } from './server.ts';
import { Workspaces } from './workspace.ts';

/** What an agent is started with. */
type StartMessage = Extract<ClientMessage, { kind: 'start' }>;

/** Returns the implementation of every operation over an open store. */
export function createHandlers(
  start: StartMessage,
  store: Store,
  failpoint: Failpoint,
): OperationHandlers {
  const workspaces = new Workspaces(failpoint);
  const surroundings = surroundingsOf(start);
  const available = runtimes(surroundings);
  const deps = {
    store,
    idMapping: start.idMapping,
    runtimes: available,
    surroundings,
    told: new Set<string>(),
    workspaces,
    singleId: start.idMapping.kind === 'single',
  };
  return {
    prepareRootfs: (input, context) => prepareRootfs(deps, input, context),
    openWorkspace: async (input, { signal }) => {
      const { path } = await findRootfs(store, input.rootfsKey);
      const { storage } = await workspaces.open(withOurs(input, start), path, signal);
      return { storage };
    },
    closeWorkspace: ({ workspace }) => workspaces.close(workspace).then(() => undefined),
    readFiles: async (input) =>
      readFiles(workspaces.get(input.workspace).root, input.paths, input.limit),
    placeTree: (input, { signal }) =>
      placeTree(deps, workspaces.get(input.workspace), input, signal),
    copyBetween: (input, { signal }) => copyBetween(deps, workspaces, input, signal),
    placeArchive: async (input, { signal }) => {
      await placeArchive(deps, workspaces.get(input.workspace), input, signal);
      return undefined;
    },
    digestFiles: (input, { signal }) => digestFiles(store, input, signal),
    copyFiles: (input, { signal }) => copyFiles(store, input, signal),
    squash: (input, { signal }) => squash(store, input, signal),
    findLeavable: (input, { signal }) => {
      const { root, inPlace } = workspaces.get(input.workspace);
      return findLeavable(root, { ...input, foreign: inPlace?.foreign ?? [] }, signal);
    },
    chooseRuntime: async (input, { signal }) => {
      const { runtime, isolation, considered } = await chooseRuntime(available, input, signal);
      return { executor: runtime.name, isolation, considered };
    },
    run: (input, context) => runProcess(deps, workspaces.get(input.workspace), input, context),
    capture: (input, context) => capture(deps, workspaces.get(input.workspace), input, context),
    giveTree: async (input, { signal }) => {
      await giveTree(start.idMapping, workspaces.get(input.workspace), input, signal);
      return undefined;
    },
    checkTree: ({ path }, { signal }) => checkTree(path, start, signal),
    removeTree: async ({ path }) => {
      await removeTree(path);
      return undefined;
    },
  };
}

async function checkTree(path: string, { idMapping }: StartMessage, signal: AbortSignal) {
  return { problem: await treeProblem(path, idMapping, signal) };
}

function surroundingsOf({ env, stateDirectory }: StartMessage): RuntimeDeps {
  return { tools: searchTools(env['PATH']), identity: readIdentity(), stateDirectory };
}

async function findRootfs(store: Store, key: string): Promise<Rootfs> {
  const rootfs = await store.rootfs.find(key);
  if (rootfs !== undefined) return rootfs;
  throw new BuildError('STORE_DAMAGED', `root file system ${key} is gone from the store`);
}

/** The local state and the program are ours, too, wherever they lie. */
function withOurs(input: WorkspaceRequest, { home, program }: StartMessage): WorkspaceRequest {
  if (input.inPlace === undefined) return input;
  const ours = [...input.inPlace.ours, home];
  return { ...input, inPlace: { ...input.inPlace, ours, program } };
}
