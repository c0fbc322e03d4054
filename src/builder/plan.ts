/** Reads a Dockerfile and plans its build. Pure. */

import {
  type BuildGraph,
  type DockerfileAst,
  parseDockerfile,
  planDockerfile,
} from '../dockerfile/index.ts';
import type { DockerfileBuildRequest } from './request.ts';

/** A Dockerfile and the graph of its build. */
export interface Plan {
  readonly ast: DockerfileAst;
  readonly graph: BuildGraph;
}

/** What of a request decides about the plan. */
export type PlanRequest = Pick<
  DockerfileBuildRequest,
  'target' | 'buildArgs' | 'platform' | 'buildPlatform'
>;

/**
 * Plans the build of a Dockerfile.
 *
 * @throws BuildError `DOCKERFILE_INVALID` that names every problem, `LIMIT_EXCEEDED`
 */
export function planBuild(
  { name, text }: { readonly name: string; readonly text: string },
  request: PlanRequest,
): Plan {
  const { target, buildArgs, platform, buildPlatform } = request;
  const ast = parseDockerfile(text, { name });
  const options = { buildArgs, platform, buildPlatform };
  const graph = planDockerfile(ast, { ...options, ...(target === undefined ? {} : { target }) });
  return { ast, graph };
}
