/** Hands the Dockerfile engine to builds whose builder image has ONBUILD instructions. */

import { buildDockerfile } from '../../builder/index.ts';
import { hostPlatform } from '../../model/index.ts';
import type { ApplicationDeps, BuildDeps } from '../../pipeline/index.ts';
import type { CommandIo } from '../command.ts';

/** Completes the ports of a build. */
export function withDockerfiles(deps: BuildDeps, { arch, cwd }: CommandIo): ApplicationDeps {
  return {
    ...deps,
    onBuild: async ({ request, context, dockerfile, labels, epoch }, signal) => {
      const { cache, keepSymlinks: _, tag, ...shared } = request;
      const { images, ...built } = await buildDockerfile(
        deps,
        {
          ...shared,
          ...{ cache, context, dockerfile, labels, directory: cwd, tags: [tag], outputs: [] },
          buildPlatform: hostPlatform('linux', arch),
          buildArgs: new Map(),
          squash: false,
          sourceDateEpoch: epoch,
        },
        signal,
      );
      return { ...built, reference: images[0] ?? '' };
    },
  };
}
