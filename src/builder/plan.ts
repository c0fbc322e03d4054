/** Reads a Dockerfile and plans its build. Pure. */

import {
  type BuildGraph,
  type DockerfileAst,
  type Instruction,
  parseDockerfile,
  planDockerfile,
} from '../dockerfile/index.ts';
import { BuildError } from '../errors/index.ts';
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
  for (const index of graph.order)
    for (const instruction of graph.stages[index]?.instructions ?? [])
      refuseUnsupported(name, instruction);
  return { ast, graph };
}

/** What the language has and this engine has not is named before anything runs. */
function refuseUnsupported(name: string, instruction: Instruction): void {
  if (instruction.kind !== 'run') return;
  const { line, column } = instruction.position;
  const seeded = instruction.mounts.some(
    (mount) => mount.type === 'cache' && (mount.from !== undefined || mount.source !== '/'),
  );
  if (!seeded) return;
  throw new BuildError(
    'DOCKERFILE_INVALID',
    `${name}:${line}:${column}: RUN: --mount=type=cache begins with an empty directory: from and source are not supported`,
    {
      origin: 'source',
      suggestion: 'copy the files into the cache in the command itself, from a bind mount',
      details: { line, column },
    },
  );
}
