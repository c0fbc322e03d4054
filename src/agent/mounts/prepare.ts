/**
 * Makes what a request mounts into what runtimes can mount: files in memory for secrets, directories of the
 * store for caches, sockets that lead to an ssh agent, paths inside of other workspaces.
 */

import { BuildError } from '../../errors/index.ts';
import { resolveInRoot } from '../../layer/index.ts';
import type { RunMount } from '../../runtime/index.ts';
import type { Store } from '../../store/index.ts';
import type { AgentIdMapping, MountRequest, Ownership } from '../protocol.ts';
import { runTool } from '../tool.ts';
import type { Workspace, Workspaces } from '../workspace.ts';
import { type MemoryDirectory, openMemoryDirectory } from './memory-directory.ts';
import { forwardAgent } from './ssh-agent.ts';

/** What preparing needs. */
export interface MountDeps {
  readonly store: Store;
  readonly idMapping: AgentIdMapping;
  readonly workspaces: Pick<Workspaces, 'get'>;
}

/** Where a run is, and who hears about waiting. */
export interface MountContext {
  readonly workspace: Workspace;
  readonly signal: AbortSignal;
  warn(message: string): void;
}

/** Mounts ready for a runtime; disposing takes away what stood behind them. */
export interface PreparedMounts extends AsyncDisposable {
  readonly mounts: readonly RunMount[];
}

/**
 * Prepares all mounts of a run.
 *
 * @throws BuildError `RUNTIME_UNAVAILABLE` where a secret could only lie on a disk, `USAGE_INVALID`, `LOCK_TIMEOUT`
 */
export async function prepareMounts(
  deps: MountDeps,
  context: MountContext,
  requests: readonly MountRequest[],
): Promise<PreparedMounts> {
  await using resources = new AsyncDisposableStack();
  const preparation = new Preparation(deps, context, resources);
  const mounts: RunMount[] = [];
  for (const request of requests) mounts.push(await preparation.make(request));
  const held = resources.move();
  return { mounts, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

class Preparation {
  readonly #deps: MountDeps;
  readonly #context: MountContext;
  readonly #resources: AsyncDisposableStack;
  #memory: Promise<MemoryDirectory> | undefined;

  constructor(deps: MountDeps, context: MountContext, resources: AsyncDisposableStack) {
    this.#deps = deps;
    this.#context = context;
    this.#resources = resources;
  }

  async make(request: MountRequest): Promise<RunMount> {
    const { kind, target } = request;
    if (kind === 'bind' || kind === 'tmpfs') return request;
    if (kind === 'cache') {
      return {
        kind: 'bind',
        source: await this.#cache(request),
        target,
        readOnly: request.readOnly,
      };
    }
    if (kind === 'workspace') {
      const { readOnly } = request;
      return { kind: 'bind', source: this.#inWorkspace(request), target, readOnly };
    }
    const source = kind === 'secret' ? await this.#secret(request) : await this.#socket(request);
    return { kind: 'bind', source, target, readOnly: kind === 'secret', confidential: true };
  }

  async #secret(request: Extract<MountRequest, { kind: 'secret' }>): Promise<string> {
    this.#context.workspace.secrets.push({ id: request.id, value: request.value });
    const memory = await this.#memoryDirectory();
    const path = memory.write(request.value);
    await this.#give(path, request);
    return path;
  }

  async #socket(request: Extract<MountRequest, { kind: 'ssh' }>): Promise<string> {
    const memory = await this.#memoryDirectory();
    const forwarded = this.#resources.use(await forwardAgent(request.socket, memory));
    await this.#give(forwarded.path, request);
    return forwarded.path;
  }

  async #cache(request: Extract<MountRequest, { kind: 'cache' }>): Promise<string> {
    const { store, idMapping } = this.#deps;
    const { id, sharing, owner, mode, seed } = request;
    const { signal, warn } = this.#context;
    const onWait = (holder: string) => warn(`waiting for the cache ${id}, used by ${holder}`);
    const attributes = owner === undefined || mode === undefined ? {} : { owner, mode };
    const base = seed === undefined ? {} : { seed: seed.name };
    const wanted = { id, sharing, ...attributes, ...base, mapping: idMapping.key };
    const prepare = async (path: string) => {
      if (seed !== undefined) await this.#copy(this.#inWorkspace(seed), path);
      if (owner !== undefined && mode !== undefined) await this.#give(path, { owner, mode });
    };
    const opened = await store.caches.open(wanted, prepare, { signal, onWait });
    return this.#resources.use(opened).path;
  }

  /** Copies a directory with all that it is: owners, modes, times, links, attributes. */
  #copy(from: string, to: string): Promise<string> {
    const { signal } = this.#context;
    return runTool('cp', ['-a', '--', `${from}/.`, to], { signal });
  }

  #inWorkspace({ workspace, path }: { readonly workspace: string; readonly path: string }): string {
    const { root } = this.#deps.workspaces.get(workspace);
    return resolveInRoot(root, path, { makeDirectories: false }).path;
  }

  /** Under a single id everything is ours, and shows as the user's own in the sandbox. */
  async #give(path: string, { owner, mode }: Ownership): Promise<void> {
    const { signal } = this.#context;
    await runTool('chmod', [mode.toString(8), '--', path], { signal });
    if (this.#deps.idMapping.kind === 'single') return;
    await runTool('chown', ['-h', '--', `${owner.uid}:${owner.gid}`, path], { signal });
  }

  #memoryDirectory(): Promise<MemoryDirectory> {
    this.#memory ??= this.#openMemory();
    return this.#memory;
  }

  async #openMemory(): Promise<MemoryDirectory> {
    const { directory } = this.#context.workspace;
    const memory = await openMemoryDirectory(directory, this.#context.signal);
    if (typeof memory !== 'string') return this.#resources.use(memory);
    throw new BuildError('RUNTIME_UNAVAILABLE', `secrets cannot be kept off the disk: ${memory}`, {
      origin: 'runtime',
      suggestion:
        'give the container a /dev/shm, or run `s2oci doctor` for what would allow mounts',
    });
  }
}
