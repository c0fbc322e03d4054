/** What a build of a Dockerfile is asked to do, and what it answers. Plain data on both sides. */

import type { StoragePreference } from '../agent/index.ts';
import type { Compression, Digest, Platform } from '../model/index.ts';
import type {
  CacheRequest,
  GivenSecret,
  GivenSsh,
  LayerReport,
  SandboxRequest,
  TransferReport,
} from '../pipeline/index.ts';
import type { LimitKeepers } from '../runtime/index.ts';

/** A place for the root file system of the result. */
export interface Output {
  readonly kind: 'archive' | 'directory';
  /** Path on this machine. */
  readonly destination: string;
}

/** Everything that a user can say about one build. */
export interface DockerfileBuildRequest extends SandboxRequest {
  /** Directory, git URL with `#ref:directory`, archive file, or `-` for an archive or a Dockerfile on standard input. */
  readonly context: string;
  /** Path of the Dockerfile, or `-` for standard input; `Dockerfile` or `Containerfile` of the context when absent. */
  readonly dockerfile?: string;
  /** Directory that relative paths of this request start from. */
  readonly directory: string;
  /** References or transports of the result; all get the same image. */
  readonly tags: readonly string[];
  readonly outputs: readonly Output[];
  readonly target?: string;
  readonly platform: Platform;
  /** The machine that builds. */
  readonly buildPlatform: Platform;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly secrets: readonly GivenSecret[];
  readonly ssh: readonly GivenSsh[];
  /** Makes one layer of all that the target added to its base. */
  readonly squash: boolean;
  readonly storage: StoragePreference;
  readonly compression: Compression;
  readonly compressionLevel?: number;
  readonly timestamps: 'clamp' | 'preserve';
  /** Seconds since the epoch; wins over the commit time of the context. */
  readonly sourceDateEpoch?: number;
  readonly cache: CacheRequest;
}

/** How one instruction went. */
export interface StepReport {
  /** Name or number of the stage. */
  readonly stage: string;
  readonly line: number;
  readonly instruction: string;
  readonly outcome: 'config' | 'cached' | 'run';
  readonly milliseconds: number;
  /** Why the cache had it or not. */
  readonly reason?: string;
  readonly layer?: Digest;
}

/** The result of a build that succeeded; the content of `--metadata-file`. */
export interface DockerfileBuildResult {
  /** As users pull them, with digest where the transport has digests. */
  readonly images: readonly string[];
  readonly digest: Digest;
  /** Digest of the image config, the "image id" of Docker. */
  readonly imageId: Digest;
  readonly layers: readonly LayerReport[];
  readonly steps: readonly StepReport[];
  readonly transfer: TransferReport;
  /** What kept the limits that were asked for; empty when nothing had to be run. */
  readonly limits: LimitKeepers;
  readonly warnings: readonly string[];
}
