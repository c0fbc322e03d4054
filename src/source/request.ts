/** What is asked of `openSource`, and what each kind of source answers it with. */

import type { TarLimits } from '../tar/index.ts';
import type { GitProtocol, SourceInfo, SourceSpec } from './types.ts';

/** Which source, and how. */
export interface SourceRequest {
  readonly spec: SourceSpec;
  /** A regular expression of paths to leave out; git's own directory when absent, nothing when empty. */
  readonly exclude?: string;
  /** Leaves submodules of git sources out. */
  readonly ignoreSubmodules?: boolean;
  /** The protocols that git may use; those of `defaultProtocols` when absent. */
  readonly protocols?: readonly GitProtocol[];
  /** Limits on archives. */
  readonly limits?: Partial<TarLimits>;
}

/** What a kind of source gives: a directory, not yet narrowed to the context directory. */
export interface OpenedSource {
  readonly root: string;
  readonly info: SourceInfo;
  /** Paths in the context directory that differ from `info.commit`; whether they count depends on what is left out. */
  readonly changes?: readonly string[];
}
