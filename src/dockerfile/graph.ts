/** The graph of a build: plain data that `plan.ts` makes and the engine walks. */

import type { Platform } from '../model/index.ts';
import type { Arguments } from './scope.ts';
import type { Instruction, Stage, Warning } from './types.ts';

/** What a build of a Dockerfile is asked for. */
export interface PlanOptions {
  /** Name or number of the stage to build; the last one when absent. */
  readonly target?: string;
  readonly buildArgs: ReadonlyMap<string, string>;
  /** What the result is for. */
  readonly platform: Platform;
  /** The machine that builds. */
  readonly buildPlatform: Platform;
}

/** Where files come from: the base of a stage, `COPY --from`, `RUN --mount=from=`. */
export type StageInput =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  | { readonly kind: 'image'; readonly reference: string };

/** A stage with everything about it that does not depend on its base image. */
export interface PlannedStage {
  readonly index: number;
  readonly name?: string;
  readonly from: Stage['from'];
  readonly base: StageInput;
  readonly platform: Platform;
  readonly instructions: readonly Instruction[];
  /** The stages that have to be there first, in ascending order. */
  readonly dependencies: readonly number[];
}

/** The graph of a build. */
export interface BuildGraph {
  /** Every stage of the file, by number. */
  readonly stages: readonly PlannedStage[];
  readonly target: number;
  /** The stages that the target needs, it being the last; each behind what it depends on. */
  readonly order: readonly number[];
  readonly arguments: Arguments;
  readonly warnings: readonly Warning[];
}
