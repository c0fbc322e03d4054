/** What the application image's execution config changes in the builder image's. */

import type { ExecutionChanges, ExecutionConfig } from '../model/index.ts';
import { imageEnvironment } from './environment.ts';
import type { Labels } from './labels.ts';

/** What a build decided. */
export interface ApplicationConfigInput {
  readonly builder: ExecutionConfig;
  /** The path of `run` in the image. */
  readonly runPath: string;
  /** Variables of `.s2i/environment`, `-e` and environment files, merged. */
  readonly environment: readonly string[];
  /** All labels, merged. */
  readonly labels: Labels;
}

/**
 * Returns the changes: `run` as the command in exec form, the build's variables in front of the builder's, all
 * labels. User, entrypoint, working directory and everything else stay the builder's.
 */
export function applicationConfigChanges(input: ApplicationConfigInput): ExecutionChanges {
  const { builder } = input;
  return {
    Cmd: [input.runPath],
    Env: imageEnvironment(builder.env, input.environment),
    Labels: input.labels,
    ...(builder.onBuild.length === 0 ? {} : { OnBuild: [] }),
  };
}
