/**
 * What client and agent say to each other.
 *
 * The agent is this program inside the user namespace (ADR 0006). Every operation is one request and
 * one reply; output of scripts and progress come as events of the request in between. Inputs and
 * results are plain data. No credential of a registry ever crosses this channel; secrets that a script is to
 * see do.
 */

import type { SerializedError } from '../errors/index.ts';
import type { Compression, Digest } from '../model/index.ts';
import type {
  ExecutorName,
  ExitStatus,
  IsolationLevel,
  LimitKeepers,
  ProcessLimits,
  ProcessUser,
  RunMount,
  RunSpec,
} from '../runtime/index.ts';
import type { IgnoreRules } from '../source/index.ts';
import type { CacheSharing } from '../store/index.ts';

/** One layer blob of the local store, ready to be unpacked. */
export interface LayerBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly compression: Compression;
  readonly diffId: Digest;
}

/** Which root file system to make available, by the layers it is flattened from. */
export interface RootfsRequest {
  readonly layers: readonly LayerBlob[];
}

/** A root file system of the store. */
export interface RootfsResult {
  readonly key: string;
  /** Layers that were applied now; the others were there. */
  readonly appliedLayers: number;
  readonly entries: number;
  readonly bytes: number;
}

/** What the user asked of the executor. */
export interface RuntimePreference {
  readonly executor?: ExecutorName;
  readonly minIsolation?: IsolationLevel;
  /** Who the process will be: not every runtime can be everyone under a single id. */
  readonly user: ProcessUser;
}

/** The executor that will be used, and why not the ones before it. */
export interface RuntimeChoice {
  readonly executor: ExecutorName;
  readonly isolation: IsolationLevel;
  readonly considered: readonly {
    readonly name: ExecutorName;
    readonly usable: boolean;
    readonly reason: string;
  }[];
}

/** Opens a writable view of a root file system in a scratch directory. */
export interface WorkspaceRequest {
  /** Directory of the scratch, which the client has locked; also names the workspace in later calls. */
  readonly workspace: string;
  readonly rootfsKey: string;
  readonly storage: StoragePreference;
  /** What storage in place has to know. */
  readonly inPlace?: InPlaceRequest;
}

/** Absolute paths that matter where the image is used in place. */
export interface InPlaceRequest {
  /** Files of this build, which are no part of the image. */
  readonly ours: readonly string[];
  /** Directories that are captured, so that nothing may be mounted there. */
  readonly captured: readonly string[];
  /** Files that this program runs from, which may be the image's; the agent adds them. */
  readonly program?: readonly string[];
}

/** How changes are kept apart from the builder's files. */
export type StorageKind = 'overlay' | 'copy' | 'in-place';

/** What the user asked of the storage. */
export type StoragePreference = StorageKind | 'auto';

/** A file of a root file system as far as a caller asked for it. */
export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'other';
  readonly mode: number;
  readonly size: number;
  /** The first `limit` bytes of a regular file. */
  readonly head: Uint8Array;
}

/** Copies a directory of the host into a workspace. */
export interface PlaceTreeRequest {
  readonly workspace: string;
  /** Directory on the host, read as the user's own id. */
  readonly from: string;
  /** Absolute path in the container. */
  readonly to: string;
  /** Keep what exists there, except for files of the same names; otherwise it is replaced. */
  readonly merge?: boolean;
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Modification time given to everything, nanoseconds since the epoch. */
  readonly mtime: bigint;
  readonly symlinks: 'preserve' | 'follow';
  /** What is left out. */
  readonly ignore?: IgnoreRules;
  /** Force the execute bits of plain files, for scripts that lost them. */
  readonly executable?: boolean;
}

/** Extracts a tar archive of a script (artifacts) into a directory of a workspace, all or nothing. */
export interface PlaceArchiveRequest {
  readonly workspace: string;
  readonly archive: string;
  readonly to: string;
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** Who a mounted file belongs to, by ids of the container, and its mode bits. */
export interface Ownership {
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly mode: number;
}

/** Joins layers into one. */
export interface SquashLayersRequest {
  /** The stored root file system below; absent when there is none. */
  readonly baseKey?: string;
  /** The stored root file system with all of the layers. */
  readonly resultKey: string;
  readonly layers: readonly LayerBlob[];
  /** Seconds since the epoch. */
  readonly epoch: number;
  readonly compression: Compression;
  readonly compressionLevel?: number;
}

/** A directory of another open workspace; links are resolved inside of that one. */
export interface CacheSeed {
  readonly workspace: string;
  readonly path: string;
  /** Names its content: caches with other seeds are other caches. */
  readonly name: string;
}

/** Something that a process sees during its run; `target` is an absolute path of the container. */
export type MountRequest =
  | RunMount
  /** A file in memory with this content. From then on no layer of the workspace may hold it. */
  | ({
      readonly kind: 'secret';
      readonly id: string;
      readonly value: Uint8Array;
      readonly target: string;
    } & Ownership)
  /** A directory of the store that outlives the build; see `CacheStore`. */
  | ({
      readonly kind: 'cache';
      readonly id: string;
      readonly target: string;
      readonly sharing: CacheSharing;
      readonly readOnly: boolean;
      /** What a new one is a copy of; an empty directory when absent. */
      readonly seed?: CacheSeed;
    } & Partial<Ownership>)
  /** A socket that leads to an ssh agent of the host. */
  | ({
      readonly kind: 'ssh';
      /** The agent's socket on the host. */
      readonly socket: string;
      readonly target: string;
    } & Ownership)
  /** A path of another open workspace; links are resolved inside of that one. */
  | {
      readonly kind: 'workspace';
      readonly workspace: string;
      readonly path: string;
      readonly target: string;
      readonly readOnly: boolean;
    };

/** Copies a file or directory from one workspace into a directory of another. */
export interface CopyBetweenRequest {
  readonly workspace: string;
  /** Absolute path in the container. */
  readonly from: string;
  /** The other workspace, and the directory there; it is made if it is missing. */
  readonly into: { readonly workspace: string; readonly directory: string };
  readonly owner: { readonly uid: number; readonly gid: number };
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
}

/** What a process is given; as the runtime takes it. */
type ProcessRequest = Pick<RunSpec, 'args' | 'env' | 'cwd' | 'user' | 'network' | 'capabilities'>;

/**
 * Where output goes: `events` streams it to the client, `inherit` uses the agent's own, a file keeps stdout byte for
 * byte, up to a limit at which the process is ended.
 */
export type RunOutput =
  | 'events'
  | 'inherit'
  | { readonly stdoutFile: string; readonly maxBytes: number };

/** Runs one process in a workspace. */
export interface RunRequest extends ProcessRequest {
  readonly workspace: string;
  readonly mounts: readonly MountRequest[];
  /** `name:ip` pairs for /etc/hosts. */
  readonly addHosts: readonly string[];
  readonly runtime: RuntimePreference;
  readonly stdio: RunOutput;
  readonly limits?: ProcessLimits;
  readonly seccomp?: RunSpec['seccomp'];
  /** The most bytes of output that are passed on; what follows is read and dropped. */
  readonly maxOutputBytes?: number;
  /** Seconds until the whole process tree is killed; absent means no limit. */
  readonly timeoutSeconds?: number;
}

/** How a process ended, and what ran it. */
export interface RunResult {
  /** Exit code, or 128 + signal number. */
  readonly code: number;
  readonly timedOut: boolean;
  /** The limit for which the run was killed. */
  readonly limit?: NonNullable<ExitStatus['limit']>;
  /** What kept each limit. */
  readonly keepers: LimitKeepers;
  readonly executor: ExecutorName;
  readonly isolation: IsolationLevel;
  /** Only one id exists: changes of owner and user were answered with success, and not carried out. */
  readonly emulatedRoot: boolean;
}

/** Turns what changed in a workspace into a layer of the store. */
export interface CaptureRequest {
  readonly workspace: string;
  /** Subtrees left out, as absolute container paths. */
  readonly exclude: readonly string[];
  /** Seconds since the epoch that newer modification times are clamped to. */
  readonly epoch: number;
  readonly timestamps: 'clamp' | 'preserve';
  readonly compression: Compression;
  readonly compressionLevel?: number;
  /** Owner of new entries where only one id exists. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

/** A layer in the store. */
export interface CapturedLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
  readonly uncompressedSize: number;
  readonly entries: number;
  readonly whiteouts: number;
  readonly warnings: readonly string[];
}

/** Where COPY and ADD take files from. */
export type CopySource =
  /** A directory of the host, read as the user's own id: the build context or a repository. */
  | {
      readonly kind: 'directory';
      readonly path: string;
      readonly ignore?: IgnoreRules;
      readonly patterns: readonly string[];
      /** Archives among the files are unpacked instead of copied. */
      readonly unpack: boolean;
    }
  /** A root file system of the store. */
  | { readonly kind: 'rootfs'; readonly key: string; readonly patterns: readonly string[] }
  /** A file of the host that was downloaded. */
  | {
      readonly kind: 'download';
      readonly path: string;
      readonly name: string;
      readonly unpack: boolean;
      /** Nanoseconds since the epoch. */
      readonly mtime: bigint;
    }
  /** A heredoc. */
  | { readonly kind: 'text'; readonly name: string; readonly content: string };

/** What COPY and ADD take, and what of it is left out. */
export interface CopySelection {
  readonly sources: readonly CopySource[];
  /** Patterns in the form of `.dockerignore`, relative to the sources. */
  readonly exclude: readonly string[];
  /** Keeps the paths of the sources. */
  readonly parents: boolean;
}

/** Writes a layer with copied files, without a workspace. */
export interface CopyFilesRequest extends CopySelection {
  /** The stored root file system below; absent for an empty one. */
  readonly rootfsKey?: string;
  /** Layers on top of it that are in the store and not unpacked. */
  readonly layers: readonly LayerBlob[];
  /** Absolute; a slash at its end means a directory. Without sources it is only made. */
  readonly destination: string;
  /** Owner of everything; without it files of a root file system keep theirs and others get 0:0. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Value of `--chmod`. */
  readonly mode?: string;
  /** Seconds since the epoch that modification times are clamped to. */
  readonly epoch: number;
  readonly timestamps: 'clamp' | 'preserve';
  readonly compression: Compression;
  readonly compressionLevel?: number;
  /** A directory of the client's for contents of archives. */
  readonly spool: string;
}

/** One entry that COPY or ADD would take. */
export interface FileDigest {
  /** As it can be shown; the digest knows its bytes. */
  readonly path: string;
  readonly digest: Digest;
}

/** The operations of the agent: name, input, result. */
export interface AgentOperations {
  prepareRootfs: { input: RootfsRequest; result: RootfsResult };
  openWorkspace: { input: WorkspaceRequest; result: { storage: StorageKind } };
  closeWorkspace: { input: { workspace: string }; result: undefined };
  readFiles: {
    input: { workspace: string; paths: readonly string[]; limit: number };
    result: readonly (FileFacts | undefined)[];
  };
  placeTree: {
    input: PlaceTreeRequest;
    result: { files: number; bytes: number; warnings: readonly string[] };
  };
  copyBetween: {
    input: CopyBetweenRequest;
    result: { files: number; bytes: number; warnings: readonly string[] };
  };
  placeArchive: { input: PlaceArchiveRequest; result: undefined };
  /** Digests of everything that COPY or ADD would take: names, kinds, permissions, owners where they count, contents. */
  digestFiles: { input: CopySelection; result: readonly FileDigest[] };
  /** Writes what COPY or ADD takes as a layer; undefined when that is nothing. */
  copyFiles: { input: CopyFilesRequest; result: CapturedLayer | undefined };
  /** Writes what several layers change together as one layer. */
  squash: {
    input: SquashLayersRequest;
    result: Omit<CapturedLayer, 'entries' | 'whiteouts' | 'warnings'>;
  };
  /** Which of some directories nothing else refers to; `kept` of them stay whatever refers to them. */
  findLeavable: {
    input: { workspace: string; trees: readonly string[]; kept: readonly string[] };
    result: readonly { path: string; files: number; bytes: number }[];
  };
  chooseRuntime: { input: RuntimePreference; result: RuntimeChoice };
  run: { input: RunRequest; result: RunResult };
  capture: { input: CaptureRequest; result: CapturedLayer };
  /** Gives a directory beside the root file system of a workspace, with all in it, to a user of the container. */
  giveTree: {
    input: {
      workspace: string;
      /** A name directly below the workspace. */
      name: string;
      owner: { readonly uid: number; readonly gid: number };
    };
    result: undefined;
  };
  removeTree: { input: { path: string }; result: undefined };
  /** What is wrong with a stored root file system. */
  checkTree: { input: { path: string }; result: { problem: string | undefined } };
}

/** The name of an operation. */
export type OperationName = keyof AgentOperations;

/** What an operation takes. */
export type OperationInput<K extends OperationName> = AgentOperations[K]['input'];

/** What an operation gives back. */
export type OperationResult<K extends OperationName> = AgentOperations[K]['result'];

/** Something that happens while an operation runs. */
export type OperationEvent =
  | { readonly type: 'output'; readonly stream: 'stdout' | 'stderr'; readonly chunk: Uint8Array }
  | {
      readonly type: 'progress';
      readonly id: string;
      readonly current: number;
      readonly total?: number;
    }
  | { readonly type: 'warning'; readonly message: string };

/** Messages from the client. */
export type ClientMessage =
  | {
      readonly kind: 'start';
      readonly home: string;
      /** A private directory for the state of runtimes, below a scratch of the client. */
      readonly stateDirectory: string;
      readonly env: Readonly<Record<string, string>>;
      /** The files that this program runs from. */
      readonly program: readonly string[];
      readonly idMapping: AgentIdMapping;
    }
  | {
      readonly kind: 'request';
      readonly id: number;
      readonly operation: OperationName;
      readonly input: unknown;
    }
  | { readonly kind: 'abort'; readonly id: number };

/** Messages from the agent. */
export type AgentMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'event'; readonly id: number; readonly event: OperationEvent }
  | { readonly kind: 'reply'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: SerializedError };

/** How ids of the agent relate to ids of the machine; decides what owners files can have on disk. */
export interface AgentIdMapping {
  readonly kind: 'full' | 'single';
  /** Short name that separates stored root file systems of different mappings, such as `full-200000`. */
  readonly key: string;
}
