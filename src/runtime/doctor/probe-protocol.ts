/** What `doctor` and its probe process say to each other. */

import type { Considered } from '../choose.ts';
import type { Capability, ExecutorName, IsolationLevel } from '../ports.ts';

/** What to probe. */
export interface ProbeQuestion {
  /** Where builds keep their scratch. */
  readonly directory: string;
  /** The PATH to find programs in. */
  readonly path: string | undefined;
}

/** The executor that a build of one user would get. */
export interface ProbedChoice {
  readonly executor: ExecutorName;
  readonly isolation: IsolationLevel;
  readonly limitations: readonly string[];
  readonly considered: readonly Considered[];
}

/** What was found. */
export interface ProbeAnswer {
  /** Why overlay mounts do not work. */
  readonly overlay?: string;
  readonly capabilities: readonly {
    readonly name: ExecutorName;
    readonly capability: Capability;
  }[];
  /** For the user that builder images usually set; undefined when nothing works. */
  readonly asUser: ProbedChoice | undefined;
  readonly asRoot: ProbedChoice | undefined;
}
