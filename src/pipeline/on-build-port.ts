/** The port through which builds with ONBUILD instructions reach the Dockerfile engine, which stands above the pipeline. */

import type { Digest } from '../model/index.ts';
import type { BuildRequest, BuildResult, LayerReport, TransferReport } from './request.ts';

/** A Dockerfile to be built, with the request that it came from. */
export interface OnBuildOrder {
  readonly request: BuildRequest;
  /** Directories and files of this machine. */
  readonly context: string;
  readonly dockerfile: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since the epoch. */
  readonly epoch: number;
}

/** What building the Dockerfile gave. */
export interface OnBuildOutcome {
  readonly reference: string;
  readonly digest: Digest;
  readonly imageId: Digest;
  readonly layers: readonly LayerReport[];
  readonly transfer: TransferReport;
  readonly limits: BuildResult['limits'];
  readonly warnings: readonly string[];
}

/** Builds Dockerfiles; the engine stands above the pipeline and is handed in. */
export type BuildOnBuild = (order: OnBuildOrder, signal: AbortSignal) => Promise<OnBuildOutcome>;
