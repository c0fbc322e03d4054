/** What a build is asked to do, and what it answers. Plain data on both sides. */

import type { StorageKind, StoragePreference } from '../agent/index.ts';
import type { CacheOptions } from '../cache/index.ts';
import type { Phase } from '../events/index.ts';
import type { Compression, Digest, Platform } from '../model/index.ts';
import type {
  ExecutorName,
  IsolationLevel,
  LimitKeepers,
  NetworkMode,
  ProcessLimits,
  RunSpec,
} from '../runtime/index.ts';
import type { GivenCache } from './given/caches.ts';
import type { GivenSecret } from './given/secrets.ts';
import type { GivenSsh } from './given/ssh.ts';

/** Everything a user can say about one build; defaults are filled in by the caller (see src/config). */
export interface BuildRequest {
  /** Directory, git URL with `#ref`, archive file, or `-` for a tar stream on standard input. */
  readonly source: string;
  readonly contextDir?: string;
  readonly ref?: string;
  /** Regular expression of paths left out of the source. */
  readonly exclude?: string;
  /** The files of a local repository as they are on disk, said aloud. */
  readonly copy: boolean;
  /** What is committed in a local repository instead of the files on disk. */
  readonly gitHead: boolean;
  readonly keepSymlinks: boolean;
  readonly ignoreSubmodules: boolean;

  /** Reference or transport of the builder image. */
  readonly builder: string;
  /** Reference or transport of the result. */
  readonly tag: string;
  readonly platform: Platform;

  /** `NAME=value`, in order; seen by assemble and kept in the image. */
  readonly env: readonly string[];
  /** `NAME=value`, seen by scripts of the build only. */
  readonly buildEnv: readonly string[];
  readonly scriptsUrl?: string;
  /** Where a Dockerfile finds the scripts of a builder image that cannot be looked at. */
  readonly imageScriptsUrl?: string;
  /** Accepts a server and digests as scripts URL out of a builder image. */
  readonly allowRemoteScripts: boolean;
  readonly destination?: string;
  readonly assembleUser?: string;
  readonly allowedUids?: string;
  readonly displayName?: string;
  readonly description?: string;
  readonly labels: Readonly<Record<string, string>>;

  /** Refuses builder images with ONBUILD instructions. */
  readonly blockOnBuild: boolean;
  readonly incremental: boolean;
  /** The image whose artifacts an incremental build begins with; the tag's own when absent. */
  readonly incrementalFrom?: string;
  /** Whether an incremental build keeps its artifacts beside the image for the next one. */
  readonly saveArtifacts: 'auto' | 'never';
  /** Removes the image that the tag named before, once the new one is in its place. */
  readonly removePrevious: boolean;
  /** The image that the result stands on, instead of the builder image. */
  readonly runtimeImage?: string;
  /** `source[:destination]`: what goes from the builder image into the runtime image. */
  readonly runtimeArtifacts: readonly string[];
  readonly assembleRuntimeUser?: string;
  /** What of the build's own files stays in the image, needed or not: none, the source, or all (as source-to-image). */
  readonly keep: 'nothing' | 'source' | 'all';

  readonly executor?: ExecutorName;
  readonly minIsolation?: IsolationLevel;
  readonly storage: StoragePreference;
  readonly network: NetworkMode;
  readonly addHosts: readonly string[];
  readonly dropCapabilities: readonly string[];
  /** PEM file that scripts of the build trust in addition. */
  readonly caBundle?: string;
  readonly volumes: readonly string[];
  /** `source:destination`: files that assemble sees and no layer holds. */
  readonly injections: readonly string[];
  /** What assemble may read or use, and no image holds. */
  readonly secrets: readonly GivenSecret[];
  readonly caches: readonly GivenCache[];
  readonly ssh: readonly GivenSsh[];
  readonly timeoutSeconds?: number;
  /** What a script may use; the parts that are not there are not limited. */
  readonly limits: ProcessLimits;
  /** Another filter of system calls, see `readSeccompProfile`; `unconfined` leaves it out. */
  readonly seccomp?: RunSpec['seccomp'];
  /** The most output of a script that is shown. */
  readonly maxOutputBytes?: number;

  readonly compression: Compression;
  readonly compressionLevel?: number;
  readonly timestamps: 'clamp' | 'preserve';
  /** Seconds since the epoch; wins over the commit time of the source. */
  readonly sourceDateEpoch?: number;

  readonly cache: CacheRequest;
}

/** What a build does with build caches. */
export interface CacheRequest extends CacheOptions {
  /** Tells why assemble was or was not found. */
  readonly explain: boolean;
}

/** How one layer of the result came to its destination. */
export interface LayerReport {
  readonly digest: Digest;
  readonly size: number;
  readonly origin: 'builder' | 'build';
  readonly outcome: 'present' | 'mounted' | 'uploaded';
}

/** Bytes of blobs by what happened to them. */
export interface TransferReport {
  readonly pulled: number;
  readonly mounted: number;
  readonly pushed: number;
  /** Not sent because the destination had it. */
  readonly skipped: number;
}

/** How an incremental build went, and what it leaves for the next. */
export interface IncrementalReport {
  readonly used: boolean;
  /** Where the artifacts came from. */
  readonly way: 'kept' | 'previous-image' | 'none';
  readonly reason: string;
  /** The archive of artifacts as it was restored. */
  readonly restoredBytes: number;
  readonly fetchedBytes: number;
  /** Bytes of the previous image that did not have to be fetched. */
  readonly savedBytes: number;
  /** The artifacts beside the new image. */
  readonly kept: { readonly done: boolean; readonly reason: string; readonly sentBytes: number };
}

/** The result of a build that succeeded; the content of `--metadata-file`. */
export interface BuildResult {
  /** The reference with digest, as printed on standard output. */
  readonly image: string;
  readonly digest: Digest;
  /** Digest of the image config, the "image id" of Docker. */
  readonly imageId: Digest;
  readonly labels: Readonly<Record<string, string>>;
  readonly builder: { readonly reference: string; readonly digest: Digest };
  readonly layers: readonly LayerReport[];
  readonly phases: readonly {
    readonly phase: Phase;
    readonly milliseconds: number;
    readonly detail?: string;
  }[];
  readonly transfer: TransferReport;
  /** What ran assemble; absent when instructions of the builder image were run. */
  readonly executor?: ExecutorName;
  readonly isolation?: IsolationLevel;
  readonly storage?: StorageKind;
  readonly idMapping: string;
  /** What kept the limits that were asked for; empty when assemble did not have to be run. */
  readonly limits: LimitKeepers;
  readonly incremental: IncrementalReport;
  /** What `--runtime-image` came to. */
  readonly runtime?: { readonly reference: string; readonly digest: Digest };
  /** Whether the application's layer came out of the build cache, from where, and why not. */
  readonly cache: { readonly used: boolean; readonly reason: string };
  /** Directories of the build that are not in the image because nothing in it refers to them. */
  readonly leftOut: readonly { readonly path: string; readonly bytes: number }[];
  readonly warnings: readonly string[];
}
