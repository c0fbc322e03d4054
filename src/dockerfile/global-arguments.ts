/** Arguments outside of stages: `--build-arg`, the platforms, and ARG in front of the first FROM. */

import { expandWord } from './expand.ts';
import { ExpansionFault } from './expansion-fault.ts';
import type { PlanOptions } from './graph.ts';
import type { Problems } from './problems.ts';
import { type Arguments, platformArguments, proxyArguments } from './scope.ts';
import type { ArgInstruction, DockerfileAst, Position, Warning } from './types.ts';

/** Resolves the arguments that FROM sees and that a stage inherits by declaring them without a default. */
export function globalArguments(
  ast: DockerfileAst,
  options: PlanOptions,
  problems: Problems,
): Arguments {
  const { platform, buildPlatform, buildArgs } = options;
  const global = new Map(platformArguments(platform, buildPlatform, options.target));
  for (const [name, value] of buildArgs) if (global.has(name)) global.set(name, value);
  const { escapeCharacter } = ast.directives;
  const defaultOf = (value: string): string =>
    expandWord(value, { escapeCharacter, lookup: (name) => global.get(name) });
  for (const { declarations, position } of ast.globals) {
    for (const { name, value } of declarations) {
      const given = buildArgs.get(name);
      const resolved =
        given ?? (value && attempt(() => defaultOf(value), position, problems)) ?? value;
      if (resolved !== undefined) global.set(name, resolved);
    }
  }
  return { given: buildArgs, global };
}

function attempt(expand: () => string, position: Position, problems: Problems): string | undefined {
  try {
    return expand();
  } catch (error) {
    if (!(error instanceof ExpansionFault)) throw error;
    problems.add(position, `ARG: ${error.message}`);
    return undefined;
  }
}

/** Warns of `--build-arg` that no ARG takes up. */
export function unusedArguments(
  ast: DockerfileAst,
  given: ReadonlyMap<string, string>,
): readonly Warning[] {
  const declared = new Set(
    [...ast.globals, ...ast.stages.flatMap(({ instructions }) => instructions)]
      .filter((one): one is ArgInstruction => one.kind === 'arg')
      .flatMap(({ declarations }) => declarations.map(({ name }) => name)),
  );
  return [...given.keys()]
    .filter((name) => !declared.has(name) && !proxyArguments.includes(name))
    .map((name) => ({
      rule: 'UnusedBuildArg',
      message: `--build-arg ${name} is not used: no ARG declares it`,
      position: { line: 1, column: 1 },
    }));
}
