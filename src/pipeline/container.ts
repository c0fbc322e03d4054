/**
 * A writable container view of an image: its layers fetched and unpacked, a workspace opened over them.
 * Shared by everything that runs something in an image: assemble, save-artifacts, usage and run.
 */

import type {
  Agent,
  FileFacts,
  InPlaceRequest,
  MountRequest,
  OperationEvent,
  RunOutput,
  RunResult,
  StorageKind,
  StoragePreference,
} from '../agent/index.ts';
import type { Phase, Reporter } from '../events/index.ts';
import type { ImageConfig } from '../model/index.ts';
import {
  defaultCapabilities,
  type ExecutorName,
  type IsolationLevel,
  type NetworkMode,
  type ProcessLimits,
  type RunMount,
  type RunSpec,
} from '../runtime/index.ts';
import {
  maxAccountFileSize,
  type ResolvedUser,
  resolveUser,
  type UserOrigin,
} from '../s2i/index.ts';
import type { Scratch, Store } from '../store/index.ts';

/** The ports that a container works through. */
export interface ContainerDeps {
  readonly store: Store;
  readonly agent: Agent;
  readonly reporter: Reporter;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What one process in a container is given; the rest comes from the sandbox settings. */
export interface ContainerProcess {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: ResolvedUser;
  readonly stdio: RunOutput;
  readonly mounts?: readonly MountRequest[];
}

/** How processes are confined; the same for every process of a build. */
export interface SandboxSettings {
  readonly executor?: ExecutorName;
  readonly minIsolation?: IsolationLevel;
  readonly network: NetworkMode;
  readonly addHosts: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly mounts: readonly RunMount[];
  readonly timeoutSeconds?: number;
  readonly limits?: ProcessLimits;
  readonly seccomp?: RunSpec['seccomp'];
  readonly maxOutputBytes?: number;
}

/** Where the user and group names of an image are. */
const accountFiles = ['/etc/passwd', '/etc/group'] as const;

/** An opened container. Disposing unmounts and deletes it. */
export class Container implements AsyncDisposable {
  /** The scratch directory, which names the workspace to the agent. */
  readonly workspace: string;
  readonly storage: StorageKind;
  readonly config: ImageConfig;
  readonly #deps: ContainerDeps;
  readonly #scratch: Scratch;

  private constructor(
    deps: ContainerDeps,
    scratch: Scratch,
    storage: StorageKind,
    config: ImageConfig,
  ) {
    this.#deps = deps;
    this.#scratch = scratch;
    this.workspace = scratch.path;
    this.storage = storage;
    this.config = config;
  }

  /** Opens a workspace over an unpacked root file system. */
  static async open(
    deps: ContainerDeps,
    rootfsKey: string,
    config: ImageConfig,
    storage: StoragePreference,
    signal: AbortSignal,
    inPlace?: InPlaceRequest,
  ): Promise<Container> {
    const scratch = await deps.store.createScratch();
    try {
      const opened = await deps.agent.call(
        'openWorkspace',
        {
          workspace: scratch.path,
          rootfsKey,
          storage,
          ...(inPlace === undefined ? {} : { inPlace }),
        },
        { signal },
      );
      return new Container(deps, scratch, opened.storage, config);
    } catch (error) {
      await scratch[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Looks a user up in the image.
   *
   * @throws BuildError `IMAGE_CONFIG_INVALID`, `USAGE_INVALID` (malformed), `BUILDER_INVALID` (an unknown name)
   */
  async user(name: string, origin: UserOrigin, signal: AbortSignal): Promise<ResolvedUser> {
    const [passwd, group] = await this.look(accountFiles, maxAccountFileSize, signal);
    return resolveUser(name, textOf(passwd), textOf(group), origin);
  }

  /** Reads at most `limit` bytes of a regular file; undefined when there is none. */
  async readFile(
    path: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const [facts] = await this.look([path], limit, signal);
    return facts?.kind === 'file' ? facts.head : undefined;
  }

  /** Returns facts about some paths, with at most `limit` bytes of those that are files. */
  look(
    paths: readonly string[],
    limit: number,
    signal?: AbortSignal,
  ): Promise<readonly (FileFacts | undefined)[]> {
    const options = signal === undefined ? {} : { signal };
    return this.#deps.agent.call('readFiles', { workspace: this.workspace, paths, limit }, options);
  }

  /** Tells which of some paths exist. */
  async existing(paths: readonly string[]): Promise<ReadonlySet<string>> {
    const facts = await this.look(paths, 0);
    return new Set(paths.filter((_, i) => facts[i] !== undefined));
  }

  /** Runs one process to its end. Its output becomes events of the phase, unless it goes elsewhere. */
  run(
    phase: Phase,
    process: ContainerProcess,
    sandbox: SandboxSettings,
    signal: AbortSignal,
  ): Promise<RunResult> {
    const { uid, gid, additionalGids } = process.user;
    const user = { uid, gid, additionalGids };
    const dropped = new Set(sandbox.dropCapabilities);
    return this.#deps.agent.call(
      'run',
      {
        workspace: this.workspace,
        args: process.args,
        env: process.env,
        cwd: process.cwd,
        user,
        mounts: [...sandbox.mounts, ...(process.mounts ?? [])],
        network: sandbox.network,
        addHosts: sandbox.addHosts,
        capabilities: defaultCapabilities.filter((name) => !dropped.has(name)),
        runtime: {
          user,
          ...(sandbox.executor === undefined ? {} : { executor: sandbox.executor }),
          ...(sandbox.minIsolation === undefined ? {} : { minIsolation: sandbox.minIsolation }),
        },
        stdio: process.stdio,
        ...(sandbox.timeoutSeconds === undefined ? {} : { timeoutSeconds: sandbox.timeoutSeconds }),
        ...(sandbox.limits === undefined ? {} : { limits: sandbox.limits }),
        ...(sandbox.seccomp === undefined ? {} : { seccomp: sandbox.seccomp }),
        ...(sandbox.maxOutputBytes === undefined ? {} : { maxOutputBytes: sandbox.maxOutputBytes }),
      },
      { signal, onEvent: (event) => this.#report(phase, event) },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { agent } = this.#deps;
    await agent.call('closeWorkspace', { workspace: this.workspace }).catch(() => {});
    await this.#scratch
      .remove((path) => agent.call('removeTree', { path }).then(() => {}))
      .catch(() => this.#scratch[Symbol.asyncDispose]());
  }

  #report(phase: Phase, event: OperationEvent): void {
    const time = this.#deps.now();
    if (event.type === 'output') {
      this.#deps.reporter.emit({
        type: 'output',
        phase,
        stream: event.stream,
        chunk: event.chunk,
        time,
      });
    }
    if (event.type === 'warning') {
      this.#deps.reporter.emit({
        type: 'log',
        level: 'warning',
        message: event.message,
        phase,
        time,
      });
    }
  }
}

function textOf(facts: FileFacts | undefined): string {
  return Buffer.from(facts?.head ?? []).toString('utf8');
}
